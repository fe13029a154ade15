//! What programs printed, line by line, and where.

use std::ops::Range;

use maud::{Markup, html};

use super::inline::without_directives;
use crate::book::varies::Varies;
use crate::judge::agreement;
use crate::record::cast::{HostCard, Record};
use crate::record::line::Line;
use crate::text::ansi::{Colour, Style, Styled};

pub(super) fn column(class: &str, title: &str, about: Markup, lines: &Markup, run: &str) -> Markup {
    html! {
        figure class={ "run-column " (class) } {
            figcaption { strong { (title) } " " span.about { (about) } }
            // What scrolls is reached by keyboard, and so has a name.
            pre tabindex="0" role="group" aria-label={ (title) " output of " (run) } { (lines) }
        }
    }
}

/// One line that a program has printed.
pub fn line(line: &Styled, varies: &Varies) -> String {
    without_directives(&line_of(line, varies, false).into_string())
}

/// The lines; those at the places `differ` are marked.
pub(super) fn lines_of(lines: &[Line], varies: &Varies, differ: &[usize]) -> Markup {
    html! {
        @for (at, line) in lines.iter().enumerate() {
            (line_of(&line.styled, varies, differ.contains(&at)))
        }
    }
}

fn line_of(line: &Styled, varies: &Varies, differs: bool) -> Markup {
    let varying = agreement::varying(&line.text, varies);
    let parts = parts(line, &varying);
    html! {
        // A line of its own for the page, so that what does not fit is wrapped below its
        // start; and an HTML block, which ends at a blank line, never sees one.
        span.line.differs[differs] {
            @if differs { span.differs-word { "differs: " } }
            @for part in parts.chunk_by(|one, other| one.varies == other.varies) {
                @if part[0].varies {
                    span.varies { @for part in part { (styled(part)) } }
                } @else {
                    @for part in part { (styled(part)) }
                }
            }
            "\n"
        }
    }
}

/// A part of a line in one style, all of which varies or none.
struct Part<'a> {
    varies: bool,
    style: Style,
    text: &'a str,
}

/// The line, cut where a style or what varies begins or ends.
fn parts<'a>(line: &'a Styled, varying: &[Range<usize>]) -> Vec<Part<'a>> {
    let mut parts = Vec::new();
    for span in &line.spans {
        let mut at = span.range.start;
        while at < span.range.end {
            let (varies, end) = match varying.iter().find(|range| range.end > at) {
                Some(range) if range.start <= at => (true, range.end),
                Some(range) => (false, range.start),
                None => (false, span.range.end),
            };
            let end = end.min(span.range.end);
            parts.push(Part {
                varies,
                style: span.style,
                text: &line.text[at..end],
            });
            at = end;
        }
    }
    parts
}

fn styled(part: &Part<'_>) -> Markup {
    let style = part.style;
    let classes = [
        style.bold.then_some("bold"),
        style.dim.then_some("dim"),
        style.italic.then_some("italic"),
        style.underline.then_some("underline"),
        style.colour.and_then(class_of),
    ];
    let classes: Vec<&str> = classes.into_iter().flatten().collect();
    html! {
        @if classes.is_empty() {
            (part.text)
        } @else {
            span class=(classes.join(" ")) { (part.text) }
        }
    }
}

/// A theme has its own form of eight colours. Black on a dark theme would be unreadable, and
/// so would any colour that the theme does not know: they are shown faint, or plain.
fn class_of(colour: Colour) -> Option<&'static str> {
    match colour {
        Colour::Indexed(0 | 8) => Some("dim"),
        Colour::Indexed(1 | 9) => Some("red"),
        Colour::Indexed(2 | 10) => Some("green"),
        Colour::Indexed(3 | 11) => Some("yellow"),
        Colour::Indexed(4 | 12) => Some("blue"),
        Colour::Indexed(5 | 13) => Some("magenta"),
        Colour::Indexed(6 | 14) => Some("cyan"),
        Colour::Indexed(_) | Colour::Rgb(..) => None,
    }
}

pub(super) fn host_line(host: &HostCard) -> Markup {
    let HostCard {
        cpu,
        cores,
        memory_mib,
        kernel,
        rustc,
        virtual_machine,
        ..
    } = host;
    // `rustc 1.95.0 (f2d3ce0bd 2026-03-21)`: the version is enough here.
    let rustc = rustc.split(" (").next().unwrap_or(rustc);
    let gib = *memory_mib as f64 / 1024.0;
    html! {
        @if *virtual_machine { "Virtual machine, " }
        (cpu) ", " (cores) @if *cores == 1 { " core, " } @else { " cores, " }
        (format!("{gib:.0}")) " GiB memory, " (kernel) ", " (rustc)
    }
}

pub(super) fn host_card(record: &Record) -> Markup {
    html! {
        (host_line(&record.header.live.host)) ", "
        time datetime=(record.header.date()) { (record.header.date()) }
        @if let [first, .., last] = record.header.live.of[..] {
            ", median of " (record.header.live.of.len()) " runs by "
            code { (record.header.live.by) }
            // A run too short for two decimals has no spread to tell.
            @if last > 0.0 { ", " (first) " to " (last) }
            @if record.header.live.warm_ups > 0 { ", after a warm-up" }
        }
    }
}
