//! A run: its command, what the reference and the record show, its claims, its memory.

use maud::html;

use super::claims::{self, ClaimView, Tally};
use super::inline::{with_code, without_directives};
use super::live::{self, LiveView};
use super::memory::{memory, peak};
use super::output::{Column, LineStyle, column, fit_side_by_side, repeated};
use super::player::{self, RecordFiles};
use nix::sys::signal::Signal;

use crate::book::config::Reference;
use crate::book::program::Program;
use crate::judge::agreement::{Agreement, places};
use crate::record::cast::Record;
use crate::record::line::Line;
use crate::record::memory::TreeMemory;
use crate::text::words::amount;

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
    /// How its lines are shown.
    pub style: LineStyle<'a>,
    /// What the book claims of it.
    pub claims: Vec<ClaimView<'a>>,
    /// Whether its memory is the first on its page: what the kinds count is said there.
    pub explains_memory: bool,
    /// How many bytes of private memory each of its processes may have.
    pub data_limit: Option<u64>,
    /// What it starts.
    pub program: &'a Program,
    /// What ends it, where it has no end of its own: the predicate of a sentence.
    pub ends: Option<String>,
    /// What calls it while it runs, as it would be typed.
    pub client: Option<String>,
}

impl RunView<'_> {
    /// Its memory, where the page shows it.
    pub fn peak(&self) -> Option<TreeMemory> {
        peak(&self.record.as_ref()?.record.memory)
    }

    /// How a record ended, where there is something to say of it.
    pub fn ending(&self, record: &Record) -> Option<String> {
        const ENDED: i32 = 128 + Signal::SIGTERM as i32;
        let what = if self.program.is_typed() {
            "The command"
        } else {
            "The program"
        };
        match (record.header.live.exit, &self.ends, &self.client) {
            (ENDED, Some(ends), _) => Some(format!("{what} has no end of its own: it {ends}.")),
            (ENDED, None, Some(_)) => Some(format!("{what} was ended when its client had ended.")),
            (0, ..) => None,
            (77, ..) => Some(format!(
                "Exit code 77: {} says that it cannot run here.",
                what.to_lowercase()
            )),
            (code, ..) => Some(format!("{what} ended with exit code {code}.")),
        }
    }

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
    /// Its own files, where they lie beside the pages.
    pub files: Option<RecordFiles>,
}

/// A run that has become text.
#[derive(Debug, Clone)]
pub struct ShownRun {
    /// `LISTING/RUN`.
    pub name: String,
    /// Its section.
    pub text: String,
    /// What became of its claims.
    pub tally: Tally,
}

/// Runs like one that is in sight, folded behind one head: the author's words for them, their
/// names, and what became of their claims.
pub fn runs(caption: &str, shown: &[ShownRun], reference_says: &str) -> String {
    let head = html! {
        details.runs {
            summary {
                span.caption { (with_code(caption)) }
                " "
                span.names {
                    @for (at, run) in shown.iter().enumerate() {
                        @if at > 0 { ", " }
                        code { (run.name) }
                    }
                }
                " "
                (claims::tally(shown.iter().map(|run| run.tally).fold(Tally::default(), Tally::and), reference_says))
            }
        }
    };
    let head = without_directives(&head.into_string());
    let head = head.strip_suffix("</details>").unwrap_or(&head);
    let runs: String = shown.iter().map(|run| &run.text[..]).collect();
    format!("{head}\n{runs}</details>\n")
}

/// A run: its command, what the record and the reference show, its memory, its claims.
pub fn run(view: &RunView<'_>) -> ShownRun {
    let reference = view.reference.as_ref().map(|(reference, lines)| Column {
        class: "reference",
        title: &reference.name,
        about: html! { (reference.about) },
        lines,
        differ: &[],
        run: view.name,
        id: None,
    });
    let recorded = view
        .record
        .as_ref()
        .map_or(&[][..], |view| &view.record.lines);
    let beside = reference
        .as_ref()
        .is_some_and(|reference| fit_side_by_side(recorded, reference.lines, view.style));
    let page = html! {
        section.run id=(view.id) data-run=(view.name) aria-label={ "Run " (view.name) } {
            div.run-head {
                p.run-title {
                    a.run-name href={ "#" (view.id) } title="Link to this run" { (view.name) }
                    @if !view.caption.is_empty() { " " span.caption { (with_code(view.caption)) } }
                }
                p.run-folder {
                    "In " code { (view.folder) }
                    @if let Some(files) = view.record.as_ref().and_then(|record| record.files.as_ref()) {
                        " " (player::row(files, view.name))
                    }
                }
                pre.run-command { code.language-sh { (view.command) } }
                @if let Some(client) = &view.client {
                    p.run-limit { "While it runs, " code { (client) } " calls it, whose lines have a bar in the record" }
                }
                @if let Some(limit) = view.data_limit {
                    p.run-limit { "With at most " (amount(limit)) " of private memory a process" }
                }
            }
            div.run-columns {
                @match &view.record {
                    Some(RecordView { record, .. }) => {
                        @let compared = view.agreement().filter(|_| view.has_one_size);
                        @let only_recorded = compared.map_or(&[][..], |found| &found.only_recorded);
                        @let recorded = Column {
                            class: "recorded",
                            title: "Recorded",
                            about: repeated(record, view.program),
                            lines: &record.lines,
                            differ: &places(only_recorded),
                            run: view.name,
                            id: Some(view.id),
                        };
                        (column(&recorded, view.style))
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
                    (live::built_column(live, view.name, view.style))
                }
                @if let Some(reference) = reference.as_ref().filter(|_| beside) {
                    (column(reference, view.style))
                }
            }
            @if let Some(reference) = reference.as_ref().filter(|_| !beside) {
                details.reference {
                    summary { strong { (reference.title) } " " span.about { (reference.about) } }
                    (column(reference, view.style))
                }
            }
            @if let Some(live) = &view.live { (live::built_outcome(live)) }
            @if let Some(RecordView { record, stale, .. }) = &view.record {
                @if let Some(what) = stale {
                    p.run-note.stale {
                        strong { "Stale: " }
                        "this record is older than its program: " (what) "; "
                        code { "mdbook-live record " (view.name) }
                        " makes a new one."
                    }
                }
                @if let Some(how) = view.ending(record) { p.run-note { (with_code(&how)) } }
            }
            @if let Some(peak) = view.peak() {
                (memory(&peak, view.name, view.explains_memory))
            }
            (claims::claims(view.name, &view.claims, view.reference_says))
        }
    };
    ShownRun {
        name: view.name.to_owned(),
        text: format!("{}\n", without_directives(&page.into_string())),
        tally: Tally::of(&view.claims),
    }
}
