//! A run: its command, what the reference and the record show, its claims, its memory.

use maud::html;

use super::claims::{self, ClaimView};
use super::inline::{with_code, without_directives};
use super::live::{self, LiveView};
use super::memory::{memory, peak};
use super::output::{column, host_card, lines_of};
use crate::book::config::Reference;
use crate::book::varies::Varies;
use crate::judge::agreement::{Agreement, places};
use crate::record::cast::Record;
use crate::record::line::Line;

/// A run as the page shows it.
#[derive(Debug, Clone)]
pub struct RunView<'a> {
    /// Unique on its page.
    pub id: &'a str,
    /// `LISTING/RUN`.
    pub name: &'a str,
    /// What `runs.toml` says of it.
    pub caption: &'a str,
    /// The listing's folder, from the book's root.
    pub folder: &'a str,
    /// What a reader types there.
    pub command: &'a str,
    /// The reference, and its output of this run, where it has one.
    pub reference: Option<(&'a Reference, Vec<Line>)>,
    /// What was recorded of it, if it was.
    pub record: Option<RecordView<'a>>,
    /// A live run that was made while the book was built.
    pub live: Option<LiveView<'a>>,
    /// What comes before a sentence of the reference.
    pub reference_says: &'a str,
    /// Whether a live run is compared with the record that is shown, and not with that of
    /// the quick size.
    pub has_one_size: bool,
    /// What varies by nature in its lines.
    pub varies: &'a Varies,
    /// What the book claims of it.
    pub claims: Vec<ClaimView<'a>>,
}

impl RunView<'_> {
    fn agreement(&self) -> Option<&Agreement> {
        self.live.as_ref()?.judged.agreement.as_ref()
    }
}

/// A record as the page shows it.
#[derive(Debug, Clone)]
pub struct RecordView<'a> {
    /// The record.
    pub record: &'a Record,
    /// What has changed since: "its sources have changed since 2026-03-14".
    pub stale: Option<String>,
}

/// A run: its command, what the reference and the record show, its claims, its memory.
pub fn run(view: &RunView<'_>) -> String {
    let page = html! {
        section.run id=(view.id) data-run=(view.name) aria-label={ "Run " (view.name) } {
            div.run-head {
                p.run-title {
                    a.run-name href={ "#" (view.id) } title="Link to this run" { (view.name) }
                    @if !view.caption.is_empty() { " " span.caption { (with_code(view.caption)) } }
                }
                p.run-folder { "In " code { (view.folder) } ":" }
                pre.run-command { code.language-sh { (view.command) } }
            }
            div.run-columns {
                @if let Some((reference, lines)) = &view.reference {
                    (column(
                        "reference",
                        &reference.name,
                        html! { (reference.about) },
                        &lines_of(lines, view.varies, &[]),
                        view.name,
                    ))
                }
                @match &view.record {
                    Some(RecordView { record, .. }) => {
                        @let compared = view.agreement().filter(|_| view.has_one_size);
                        @let only_recorded = compared.map_or(&[][..], |found| &found.only_recorded);
                        (column(
                            "recorded",
                            "Recorded",
                            host_card(record),
                            &lines_of(&record.lines, view.varies, &places(only_recorded)),
                            view.name,
                        ))
                    }
                    None => div.run-column.recorded {
                        p.run-note {
                            "This run has not been recorded yet: "
                            code { "mdbook-live record " (view.name) }
                            " records it."
                        }
                    }
                }
                @if let Some(live) = &view.live {
                    (live::built_column(live, view.name, view.varies))
                }
            }
            @if let Some(live) = &view.live { (live::built_outcome(live)) }
            @if let Some(RecordView { record, stale }) = &view.record {
                @if let Some(what) = stale {
                    p.run-note.stale {
                        strong { "Stale: " }
                        "this record is older than its program: " (what) "; "
                        code { "mdbook-live record " (view.name) }
                        " makes a new one."
                    }
                }
                @match record.header.live.exit {
                    0 => {}
                    77 => p.run-note { "Exit code 77: the program says that it cannot run here." }
                    code => p.run-note { "The program ended with exit code " (code) "." }
                }
            }
            @if !view.claims.is_empty() {
                ul.claims aria-label={ "Claims about " (view.name) } {
                    @for (index, claim) in view.claims.iter().enumerate() {
                        (claims::claim(index, claim, view.reference_says))
                    }
                }
            }
            @if let Some(peak) = view.record.as_ref().and_then(|view| peak(&view.record.memory)) {
                (memory(&peak, view.name))
            }
        }
    };
    format!("{}\n", without_directives(&page.into_string()))
}
