//! The table of what becomes of the reference's statements.

use maud::html;

use super::inline::{with_code, without_directives};
use crate::judge::statements::{ReferenceVerdict, Row};

/// A part of the table: the rows of one chapter.
#[derive(Debug, Clone)]
pub struct VerdictsView<'a> {
    /// The chapter's title and link, where the table has those of several.
    pub chapter: Option<(&'a str, &'a str)>,
    /// Its rows.
    pub rows: &'a [Row],
}

/// The table.
pub fn verdicts(reference: &str, parts: &[VerdictsView<'_>]) -> String {
    let page = html! {
        div.verdicts tabindex="0" role="group" aria-label={ (reference) ": what becomes of each statement" } {
            table {
                thead { tr {
                    th scope="col" { (reference) }
                    th scope="col" { "Verdict" }
                    th scope="col" { "By this run" }
                } }
                @for part in parts {
                    tbody {
                        @if let Some((title, href)) = part.chapter {
                            tr.chapter { th scope="rowgroup" colspan="3" { a href=(href) { (title) } } }
                        }
                        @for row in part.rows {
                            @for (at, (verdict, reasons)) in row.verdicts.iter().enumerate() {
                                tr {
                                    @if at == 0 {
                                        td.statement rowspan=(row.verdicts.len()) {
                                            @if *verdict == ReferenceVerdict::LeftOut {
                                                span.who { "Left out: " }
                                            } @else if !row.in_words {
                                                span.who { "Shown, not said: " }
                                            }
                                            (with_code(&row.statement))
                                        }
                                    }
                                    td.fate { (verdict_of(verdict)) }
                                    td.reasons {
                                        @for reason in reasons {
                                            p {
                                                a href=(reason.href) { code { (reason.run) } }
                                                @if let Some(says) = &reason.says { " " (with_code(says)) "." }
                                                @if let Some(qualifier) = &reason.qualifier {
                                                    " " span.qualifier { (with_code(qualifier)) "." }
                                                }
                                                " " span.seen { "Seen: " (with_code(&reason.seen)) }
                                            }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    without_directives(&page.into_string())
}

/// A class, a sign and a word for a verdict.
pub fn verdict_words(verdict: &ReferenceVerdict) -> (&'static str, &'static str, &'static str) {
    match verdict {
        ReferenceVerdict::Holds => ("holds", "✔", "holds"),
        ReferenceVerdict::HoldsWhen(_) => ("when", "✔", "holds when"),
        ReferenceVerdict::DoesNotHold => ("fails", "✘", "does not hold"),
        ReferenceVerdict::LeftOut => ("left-out", "+", "measured here"),
        ReferenceVerdict::Open(_) => ("open", "–", "not judged"),
    }
}

fn verdict_of(verdict: &ReferenceVerdict) -> maud::Markup {
    let (class, mark, words) = verdict_words(verdict);
    html! {
        span class=(class) { span aria-hidden="true" { (mark) } " " strong { (words) } }
        @match verdict {
            ReferenceVerdict::HoldsWhen(condition) => { " " (with_code(condition)) }
            ReferenceVerdict::Open(why) => { ": " (why) }
            _ => {}
        }
    }
}
