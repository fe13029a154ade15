//! The Live half of a run: the controls that the server adds, and what a live run shows.

use maud::{Markup, PreEscaped, html};

use super::{column, host_line, line, lines_of, verdict_mark, with_code};
use crate::book::claim::Claim;
use crate::book::varies::Varies;
use crate::judge::agreement;
use crate::judge::agreement::differences;
use crate::judge::checks::Judgement;
use crate::record::cast::{HostCard, date_of};
use crate::record::line::Line;
use crate::record::result::RunResult;
use crate::text::words::grouped;

/// A live run that was made while the book was built.
#[derive(Debug, Clone)]
pub struct LiveView<'a> {
    /// What it did.
    pub outcome: &'a RunResult,
    /// The machine.
    pub host: &'a HostCard,
    /// The exit code that it must end with.
    pub exit: i32,
    /// The lines of its record, where there is one.
    pub recorded: Option<Vec<Line>>,
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
                figcaption { strong { "Live" } " " span.about { "this program, on this machine, now" } }
                pre tabindex="0" role="group" {}
            }
        }
    };
    page.into_string()
}

/// A line that a live run has printed, or the beginning of one that lacks that many bytes.
pub fn live_line(beginning: &str, lacks: usize, varies: &Varies) -> String {
    let mut html = line(beginning, varies);
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

/// The verdict of a claim on a live run.
pub fn live_verdict(claim: &Claim, standing: &Judgement) -> String {
    live_verdict_of(claim, standing).into_string()
}

pub(super) fn live_verdict_of(claim: &Claim, standing: &Judgement) -> Markup {
    let (class, mark, word) = verdict_mark(standing);
    let surprising = match standing {
        Judgement::Decided(verdict) => !claim.is_as_the_book_says(verdict),
        Judgement::Undecided(_) => false,
    };
    html! {
        span class={ "live-verdict " (class) } {
            strong { span aria-hidden="true" { (mark) } " Live: " (word) }
            @if surprising { ", other than the book says" }
            ". "
            @match standing {
                Judgement::Decided(verdict) => { "Seen: " (with_code(&verdict.seen)) }
                Judgement::Undecided(why) => (why)
            }
        }
    }
}

/// The column of a live run that was made while the book was built, and below it how the
/// run compares with its record.
pub(super) fn built_column(view: &LiveView<'_>, name: &str, varies: &Varies) -> Markup {
    let lines = view.outcome.lines();
    let seconds = view.outcome.began.duration_since(std::time::UNIX_EPOCH);
    let date = date_of(seconds.map_or(0, |time| time.as_secs()));
    let about = html! {
        "at the quick size, when this page was built: " (host_line(view.host)) ", "
        time datetime=(date) { (date) }
    };
    let only_live = match &view.recorded {
        Some(recorded) => agreement::differing(&lines, recorded, varies).0,
        None => Vec::new(),
    };
    let raw = lines.iter().map(|line| line.raw.as_str());
    column(
        "live",
        "Live",
        about,
        &lines_of(raw, varies, &only_live),
        name,
    )
}

pub(super) fn built_notes(view: &LiveView<'_>, varies: &Varies) -> Markup {
    let lines = view.outcome.lines();
    let found = view
        .recorded
        .as_ref()
        .map(|recorded| agreement::compare(&lines, recorded, varies));
    let faults = view.outcome.faults(view.exit);
    html! {
        @if let Some(why) = view.outcome.skipped() {
            p.run-note { "The live run was skipped: " (why) }
        }
        @for fault in &faults {
            p.run-note.differs { strong { "✘ The live run " } (fault) "." }
        }
        @if let Some(found) = found.filter(|_| faults.is_empty() && view.outcome.skipped().is_none()) {
            p.run-note class=[(!found.agrees()).then_some("differs")] {
                "The live run " (found.words()) "."
                @for difference in differences(&found) { " " (PreEscaped("<br>")) (difference) }
            }
        }
    }
}
