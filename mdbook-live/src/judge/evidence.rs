//! The one judge: a run's claims, its agreement with its record and how it ended, from what is
//! known of it. The terminal, the page, the tests and the recorder show what it returns.

use std::collections::HashMap;

use crate::book::claim::{Claim, On};
use crate::book::listing::{Book, RunRef, Size};
use crate::judge::agreement::{Agreement, Order};
use crate::judge::checks::{CheckResult, Judgement};
use crate::judge::figures::{FigureSource, RecordedFigures, ReferenceFigures};
use crate::record::cast::Record;
use crate::record::result::RunResult;

/// What is known of a run.
#[derive(Clone, Copy)]
pub enum Evidence<'a> {
    /// It was made just now.
    Live {
        /// At which size.
        size: Size,
        /// What it did.
        result: &'a RunResult,
        /// The figures of it, and of the other runs that its claims name.
        figures: &'a dyn FigureSource,
        /// What it is compared with, where there is a record.
        record: Option<&'a Record>,
    },
    /// It was recorded.
    Recorded(&'a Record),
    /// It was recorded just now, together with others, which are by their full names.
    RecordedBeside(&'a Record, &'a HashMap<String, Record>),
}

/// What the judge says of a run.
#[derive(Debug, Clone, Default)]
pub struct Judged {
    /// Why it was skipped, in its own words, if it was: then nothing else is judged.
    pub skipped: Option<String>,
    /// What is wrong with how it ended, a sentence each.
    pub faults: Vec<String>,
    /// Its claims that such evidence is for, by their places in `runs.toml`. None where the
    /// run did not end as it must: the missing lines say nothing more.
    pub claims: Vec<(usize, Judgement)>,
    /// How it compares with its record, where it ended as it must and has one.
    pub agreement: Option<Agreement>,
}

/// Judges a run of a book.
pub fn judge(book: &Book, run: RunRef<'_>, evidence: Evidence<'_>) -> Judged {
    let claims = run.run.claims.iter().enumerate();
    match evidence {
        Evidence::Recorded(record) => {
            let none = HashMap::new();
            judge(book, run, Evidence::RecordedBeside(record, &none))
        }
        Evidence::RecordedBeside(record, beside) => {
            let figures = RecordedFigures {
                book,
                run,
                record,
                beside,
            };
            let judge = |claim: &Claim| match claim.on {
                On::Any | On::Record => claim.check.judgement(&record.lines, &figures),
                On::Reference => on_reference(book, run, claim),
            };
            Judged {
                claims: claims.map(|(at, claim)| (at, judge(claim))).collect(),
                ..Judged::default()
            }
        }
        Evidence::Live {
            size,
            result,
            figures,
            record,
        } => {
            let judged = Judged {
                skipped: result.skipped(),
                faults: result.faults(run.run.status),
                ..Judged::default()
            };
            if judged.skipped.is_some() || !result.ended_with(run.run.status) {
                return judged;
            }
            let judge = |claim: &Claim| match (claim.on, size) {
                (On::Any, _) | (On::Record, Size::Recorded) => {
                    Some(claim.check.judgement(&result.lines, figures))
                }
                (On::Record, Size::Quick) => Some(Judgement::NeedsRecordedSize),
                // A live run says nothing about it.
                (On::Reference, _) => None,
            };
            let varies = &run.run.varies;
            let order = if run.run.unordered {
                Order::Free
            } else {
                Order::Kept
            };
            Judged {
                claims: claims
                    .filter_map(|(at, claim)| Some((at, judge(claim)?)))
                    .collect(),
                agreement: record
                    .map(|record| Agreement::of(&result.lines, &record.lines, varies, order)),
                ..judged
            }
        }
    }
}

/// A claim about the reference, judged on its text.
fn on_reference(book: &Book, run: RunRef<'_>, claim: &Claim) -> Judgement {
    match run.require_reference() {
        Ok(lines) => claim
            .check
            .judgement(&lines, &ReferenceFigures { book, run }),
        Err(error) => Judgement::Decided(CheckResult::nothing(format!("{error:#}"))),
    }
}
