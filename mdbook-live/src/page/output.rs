//! What programs printed, line by line, and where.

use std::ops::Range;

use maud::{Markup, html};
use unicode_width::UnicodeWidthStr;

use super::inline::without_directives;
use crate::book::config::Cells;
use crate::book::listing::RunRef;
use crate::book::program::Program;
use crate::book::varies::Varies;
use crate::judge::agreement;
use crate::record::cast::{HostCard, Record};
use crate::record::line::{Line, Stream};
use crate::text::ansi::{Colour, Style, Styled};
use crate::text::words::counted;

/// How the lines of a run's outputs are shown.
#[derive(Debug, Clone, Copy)]
pub struct LineStyle<'a> {
    /// What varies by nature in them.
    pub varies: &'a Varies,
    /// The figures at their ends that stand in columns of their own.
    pub cells: Option<&'a Cells>,
}

impl<'a> LineStyle<'a> {
    /// As the listing's `runs.toml` and `book.toml` say.
    pub fn of(run: RunRef<'a>) -> LineStyle<'a> {
        LineStyle {
            varies: &run.run.varies,
            cells: run.listing.cells.as_ref(),
        }
    }

    /// Where the cells of a line begin, and where each of them is.
    fn cells_of(&self, line: &str) -> Option<(usize, Vec<Option<Range<usize>>>)> {
        let found = self.cells?.pattern.captures(line)?;
        let whole = found.get(0).filter(|whole| whole.end() == line.len())?;
        let cells = found.iter().skip(1);
        let cells = cells.map(|cell| cell.map(|cell| cell.range())).collect();
        Some((whole.start(), cells))
    }
}

/// As many characters as a cell takes, with the space before it.
const CELL: usize = 10;

/// An output of a run: where it comes from, and its lines.
pub(super) struct Column<'a> {
    /// Its class.
    pub class: &'a str,
    /// Its title.
    pub title: &'a str,
    /// What stands next to the title.
    pub about: Markup,
    /// The lines.
    pub lines: &'a [Line],
    /// The places of those that differ from another output.
    pub differ: &'a [usize],
    /// The run's full name.
    pub run: &'a str,
    /// The id of the run, where lines of this output are linked to.
    pub id: Option<&'a str>,
}

/// An output of a run. The page puts it beside another where both have room for their longest
/// line, and else below it.
pub(super) fn column(view: &Column<'_>, style: LineStyle<'_>) -> Markup {
    let Column {
        class, title, run, ..
    } = view;
    let shape = Shape::of(view.lines, style);
    html! {
        figure class={ "run-column " (class) } style=(shape.style()) {
            figcaption { strong { (title) } " " span.about { (view.about) } }
            (heads(&shape, style))
            // What scrolls is reached by keyboard, and so has a name.
            pre tabindex="0" role="group" aria-label={ (title) " output of " (run) } {
                @for (at, line) in view.lines.iter().enumerate() {
                    @let id = view.id.map(|run| format!("{run}-L{}", at + 1));
                    @let is = Is {
                        differs: view.differ.contains(&at),
                        of_client: line.stream == Stream::Client,
                    };
                    (line_of(&line.styled, style, is, id.as_deref()))
                }
            }
        }
    }
}

/// What an output needs on the page.
struct Shape {
    /// The characters of its longest line, without its cells.
    text: usize,
    /// The most cells of a line.
    cells: usize,
}

impl Shape {
    fn of(lines: &[Line], style: LineStyle<'_>) -> Shape {
        let mut shape = Shape { text: 0, cells: 0 };
        for line in lines {
            let text = line.text();
            let (text, cells) = match style.cells_of(text) {
                None => (text, 0),
                Some((begin, cells)) => (
                    &text[..begin],
                    cells
                        .iter()
                        .rposition(Option::is_some)
                        .map_or(0, |at| at + 1),
                ),
            };
            shape.text = shape.text.max(text.width());
            shape.cells = shape.cells.max(cells);
        }
        shape
    }

    /// For the style sheet: the characters of a line, and how many cells it has.
    fn style(&self) -> String {
        format!("--needs: {}; --cells: {}", self.needs(), self.cells)
    }

    fn needs(&self) -> usize {
        self.text + self.cells * CELL
    }
}

/// Characters of a line for which the page has room on a desktop.
const ROOM: usize = 120;

/// Whether two outputs stand side by side on a desktop; else the one that is not this book's
/// is folded.
pub(super) fn fit_side_by_side(one: &[Line], other: &[Line], style: LineStyle<'_>) -> bool {
    let needs = |lines| Shape::of(lines, style).needs();
    needs(one) + needs(other) <= ROOM
}

/// What stands above the cells: read out with each of them, and so for the eye alone.
fn heads(shape: &Shape, style: LineStyle<'_>) -> Markup {
    html! {
        @if let Some(cells) = style.cells.filter(|_| shape.cells > 0) {
            div.cell-heads aria-hidden="true" {
                @for head in &cells.heads[..shape.cells] { span { (head) } }
            }
        }
    }
}

/// One line that a program has printed.
pub fn line(line: &Styled, style: LineStyle<'_>) -> String {
    without_directives(&line_of(line, style, Is::default(), None).into_string())
}

/// What a line is besides its words.
#[derive(Debug, Clone, Copy, Default)]
struct Is {
    /// It differs from another output.
    differs: bool,
    /// The run's client printed it.
    of_client: bool,
}

fn line_of(line: &Styled, style: LineStyle<'_>, is: Is, id: Option<&str>) -> Markup {
    let varying = agreement::varying(&line.text, style.varies);
    let parts = parts(line, &varying);
    let cells = style.cells_of(&line.text);
    let text_end = cells.as_ref().map_or(line.text.len(), |(begin, _)| *begin);
    html! {
        // A line of its own for the page, so that what does not fit is wrapped below its
        // start; and an HTML block, which ends at a blank line, never sees one.
        span.line.differs[is.differs].of-client[is.of_client] id=[id] {
            @if is.differs { span.differs-word { "differs: " } }
            @if let Some((begin, cells)) = cells {
                span.text { (within(&parts, 0..text_end)) }
                span.cells { (cells_with_words(&parts, begin, &cells)) }
            } @else {
                (within(&parts, 0..text_end))
            }
            "\n"
        }
    }
}

/// The cells, and the words between them, which the page shows where it has no room for columns.
fn cells_with_words(parts: &[Part<'_>], begin: usize, cells: &[Option<Range<usize>>]) -> Markup {
    let end = parts.last().map_or(begin, |part| part.range.end);
    let mut at = begin;
    let mut cut = Vec::new();
    for cell in cells.iter().flatten() {
        cut.push((at..cell.start, cell.clone()));
        at = cell.end;
    }
    html! {
        @for (words, cell) in cut {
            span.words { (within(parts, words)) }
            span.cell { (within(parts, cell)) }
        }
        @if at < end { span.words { (within(parts, at..end)) } }
    }
}

/// What of the parts is in a range of the line.
fn within(parts: &[Part<'_>], range: Range<usize>) -> Markup {
    let inside = parts.iter().filter_map(|part| part.within(&range));
    let inside: Vec<Part<'_>> = inside.collect();
    html! {
        @for part in inside.chunk_by(|one, other| one.varies == other.varies) {
            @if part[0].varies {
                span.varies { @for part in part { (styled(part)) } }
            } @else {
                @for part in part { (styled(part)) }
            }
        }
    }
}

/// A part of a line in one style, all of which varies or none.
struct Part<'a> {
    varies: bool,
    style: Style,
    /// Its bytes in the line.
    range: Range<usize>,
    text: &'a str,
}

impl<'a> Part<'a> {
    /// What of it is in a range of the line; `None`: nothing.
    fn within(&self, range: &Range<usize>) -> Option<Part<'a>> {
        let start = self.range.start.max(range.start);
        let end = self.range.end.min(range.end);
        (start < end).then(|| Part {
            varies: self.varies,
            style: self.style,
            range: start..end,
            text: &self.text[start - self.range.start..end - self.range.start],
        })
    }
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
                range: at..end,
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

/// The machine: what its figures depend on most, and at the end its kernel and compiler.
pub(super) fn host_line(host: &HostCard) -> Markup {
    let rustc = compiler(host);
    html! { (machine(host)) ", " (host.kernel) ", " (rustc) }
}

/// `rustc 1.95.0 (f2d3ce0bd 2026-03-21)`: the version is enough here.
pub fn compiler(host: &HostCard) -> &str {
    host.rustc.split(" (").next().unwrap_or(&host.rustc)
}

/// "virtual machine, A CPU, 2 cores, 24 GiB memory".
pub fn machine(host: &HostCard) -> String {
    let HostCard {
        cpu,
        cores,
        memory_mib,
        virtual_machine,
        ..
    } = host;
    let gib = *memory_mib as f64 / 1024.0;
    let virtual_machine = if *virtual_machine {
        "virtual machine, "
    } else {
        ""
    };
    let cores = counted(*cores, "core");
    format!("{virtual_machine}{cpu}, {cores}, {gib:.0} GiB memory")
}

/// The runs of which a record is the median.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Repeats<'a> {
    /// How many.
    pub count: usize,
    /// The figure by which they were ranked.
    pub by: &'a str,
    /// The least and the most of it.
    pub between: Option<(f64, f64)>,
    /// Whether one came before them that does not count.
    pub warmed_up: bool,
}

impl Repeats<'_> {
    /// Those of a record, where there is more than one.
    pub fn of(record: &Record) -> Option<Repeats<'_>> {
        let live = &record.header.live;
        let [first, .., last] = live.of[..] else {
            return None;
        };
        Some(Repeats {
            count: live.of.len(),
            by: &live.by,
            // A run too short for two decimals has no spread to tell.
            between: (last > 0.0).then_some((first, last)),
            warmed_up: live.warm_ups > 0,
        })
    }
}

/// When a record was made, where, and of how many runs it is one.
pub(super) fn repeated(record: &Record, program: &Program) -> Markup {
    let host = &record.header.live.host;
    if let Some(file) = &record.header.live.imported {
        return html! { "as " code { (file) } " had it: its machine and its compiler are not known" };
    }
    html! {
        time datetime=(record.header.date()) { (record.header.date()) }
        @if let Program::Cargo(_) = program {
            // Its words depend on the compiler, and hardly on the machine.
            ", " span.host title={ (machine(host)) ", " (host.kernel) } { (compiler(host)) }
        } @else {
            ", " span.host title={ (host.kernel) ", " (compiler(host)) } { (machine(host)) }
        }
        @if let Some(repeats) = Repeats::of(record) {
            "; median of " (repeats.count) " runs by "
            code { (repeats.by) }
            @if let Some((least, most)) = repeats.between { ", " (least) " to " (most) }
            @if repeats.warmed_up { ", after a warm-up" }
        }
    }
}
