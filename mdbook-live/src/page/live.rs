//! The Live half of a run: the controls that the server adds, and what a live run shows.

use maud::{Markup, PreEscaped, html};

use super::output::{Column, LineStyle, column, host_line, line};
use crate::judge::agreement::places;
use crate::judge::evidence::Judged;
use crate::record::cast::{HostCard, date_of};
use crate::record::result::RunResult;
use crate::text::ansi;
use crate::text::words::grouped;

/// A live run that was made while the book was built.
#[derive(Debug, Clone)]
pub struct LiveView<'a> {
    /// What it did.
    pub result: &'a RunResult,
    /// What the judge says of it.
    pub judged: &'a Judged,
    /// The machine.
    pub host: &'a HostCard,
}

/// What the server adds to a page, once: JavaScript copies it into each run.
pub fn template() -> String {
    let page = html! {
        template id="live-template" {
            div.live-controls {
                button.live-run type="button" { "Run" }
                button.live-stop type="button" hidden { "Stop" }
                label.live-sizes hidden {
                    span { "Size " }
                    select.live-size {
                        option value="quick" selected { "quick" }
                        option value="recorded" { "as recorded" }
                    }
                }
                span.live-status role="status" {}
            }
            figure.run-column.live {
                figcaption { strong { "Live" } " " span.about { "on this machine: press " strong { "Run" } } }
                pre tabindex="0" role="group" {}
            }
        }
    };
    page.into_string()
}

/// A line that a live run has printed, or the beginning of one that lacks that many bytes.
pub fn live_line(beginning: &str, lacks: usize, style: LineStyle<'_>) -> String {
    let mut html = line(&ansi::parse(beginning), style);
    if lacks > 0 {
        let note = html! {
            span.cut { "… " (grouped(lacks)) " more bytes of this line are not shown" }
        };
        html.push_str(&note.into_string());
    }
    html
}

/// In place of a verdict whose HTML has so many bytes.
pub fn live_verdict_too_long(bytes: usize) -> String {
    html! {
        span.live-verdict { "Live: what was seen is too long to show, " (grouped(bytes)) " bytes." }
    }
    .into_string()
}

/// The column of a live run that was made while the book was built.
pub(super) fn built_column(view: &LiveView<'_>, name: &str, style: LineStyle<'_>) -> Markup {
    let seconds = view.result.began.duration_since(std::time::UNIX_EPOCH);
    let date = date_of(seconds.map_or(0, |time| time.as_secs()));
    let about = html! {
        "at the quick size, when this page was built: " (host_line(view.host)) ", "
        time datetime=(date) { (date) }
    };
    let agreement = view.judged.agreement.as_ref();
    let only_live = agreement.map_or(&[][..], |found| &found.only_live);
    let view = Column {
        class: "live",
        title: "Live",
        about,
        lines: &view.result.lines,
        differ: &places(only_live),
        run: name,
        id: None,
    };
    column(&view, style)
}

/// Below it: how the run ended, and how it compares with its record.
pub(super) fn built_outcome(view: &LiveView<'_>) -> Markup {
    let judged = view.judged;
    html! {
        @if let Some(why) = &judged.skipped {
            p.run-note { "The live run was skipped: " (why) }
        }
        @for fault in &judged.faults {
            p.run-note.differs { strong { "✘ The live run " } (fault) "." }
        }
        @if let Some(found) = judged.agreement.as_ref().filter(|_| judged.faults.is_empty()) {
            p.run-note class=[(!found.agrees()).then_some("differs")] {
                "The live run " (found.words()) "."
                @for difference in found.sentences() { " " (PreEscaped("<br>")) (difference) }
            }
        }
    }
}
