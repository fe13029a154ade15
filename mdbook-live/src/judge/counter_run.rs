//! Whether a claim breaks on its counter-runs.

use std::collections::HashMap;

use anyhow::Result;

use super::hashing::Hasher;
use crate::book::claim::{Check, Claim, On};
use crate::book::counter_run::{CounterRun, Patch};
use crate::book::listing::{Book, RunRef, Size};
use crate::judge::checks::Judgement;
use crate::judge::figures::{RecordedFigures, ReferenceFigures};
use crate::record::built_from::BuiltFrom;
use crate::record::cast::Record;
use crate::record::seen_to_fail::SeenToFail;

/// What came of a counter-run for a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The claim broke: what was seen.
    Broke(String),
    /// The claim came out as the book says: what was seen.
    Spared(String),
    /// Nothing was seen that the claim is about, or the run could not be made: why.
    Nothing(String),
    /// It was not made since the program, the patch or the claim changed.
    NotMade,
}

/// A counter-run of a claim, as a reader is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counter {
    /// What was different, after "Seen to fail when": "half of the workers start"; for another
    /// run its caption.
    pub when: String,
    /// The other run's full name, where it was another run.
    pub run: Option<String>,
    /// What came of it.
    pub outcome: Outcome,
}

/// What the check of a claim says of evidence on which the claim has to break.
pub fn outcome(claim: &Claim, judgement: &Judgement, by: &CounterRun) -> Outcome {
    let result = match judgement {
        Judgement::Decided(result) => result,
        other => return Outcome::Nothing(other.why_not().unwrap_or_default().to_owned()),
    };
    if claim.is_as_the_book_says(result) {
        return Outcome::Spared(result.seen.clone());
    }
    // A program that does not print a line any more breaks a count of it; of another run that
    // never printed any, no count says anything.
    let counts = matches!(claim.check, Check::Count { .. }) && matches!(by, CounterRun::Patch(_));
    if result.nothing && !counts {
        Outcome::Nothing(result.seen.clone())
    } else {
        Outcome::Broke(result.seen.clone())
    }
}

/// Judges a claim on the record of another run, or on the reference's output of it.
pub fn on_other_run(book: &Book, claim: &Claim, name: &str) -> Result<Outcome> {
    let run = book.run(name)?;
    let by = CounterRun::Run(name.to_owned());
    let judgement = match claim.on {
        On::Reference => {
            let lines = run.require_reference()?;
            let figures = ReferenceFigures { book, run };
            claim.check.judgement(&lines, &figures)
        }
        On::Any | On::Record => {
            let Some(record) = Record::load(run, Size::Recorded)? else {
                return Ok(Outcome::Nothing(format!("{name} has no record")));
            };
            let figures = RecordedFigures {
                book,
                run,
                record: &record,
                beside: &HashMap::new(),
            };
            claim.check.judgement(&record.lines, &figures)
        }
    };
    Ok(outcome(claim, &judgement, &by))
}

/// By which a kept outcome is known to be of this claim, this patch and this program. Its
/// dependencies and its profile are not part of it: the patch changes neither.
pub fn key(run: RunRef<'_>, claim: &Claim, patch: &Patch, built_from: &BuiltFrom) -> String {
    let mut hasher = Hasher::default();
    let size = match claim.on {
        On::Record => Size::Recorded,
        On::Any | On::Reference => Size::Quick,
    };
    for (kind, text) in [
        (b'c', format!("{:?} {:?}", claim.check, claim.on)),
        (b'b', format!("{}", claim.is_refuted())),
        (b'd', patch.diff.clone()),
        (b'a', format!("{:?}", run.run.args(size))),
        (b's', built_from.sources.clone()),
        (b'm', built_from.manifests.clone()),
        (b'f', built_from.files.clone()),
    ] {
        hasher.part(kind, text.as_bytes());
    }
    if let Some(beyond) = run.beyond_arguments(size) {
        hasher.part(b'r', beyond.as_bytes());
    }
    hasher.finish()
}

/// The counter-runs of a claim: other runs judged now, patches as they were kept.
pub fn counters(
    book: &Book,
    run: RunRef<'_>,
    claim: &Claim,
    kept: &[SeenToFail],
    built_from: &BuiltFrom,
) -> Result<Vec<Counter>> {
    let counter = |by: &CounterRun| -> Result<Counter> {
        Ok(match by {
            CounterRun::Run(name) => Counter {
                when: book.run(name)?.run.caption.clone(),
                run: Some(name.clone()),
                outcome: on_other_run(book, claim, name)?,
            },
            CounterRun::Patch(name) => {
                let patch = &run.listing.patches[name];
                Counter {
                    when: patch.when.clone(),
                    run: None,
                    outcome: kept_outcome(run, claim, (name, patch), kept, built_from),
                }
            }
        })
    };
    claim.broken_by.iter().map(counter).collect()
}

/// What was kept of a patch for a claim of a run, where it is of the program as it is.
fn kept_outcome(
    run: RunRef<'_>,
    claim: &Claim,
    (name, patch): (&str, &Patch),
    kept: &[SeenToFail],
    built_from: &BuiltFrom,
) -> Outcome {
    let of = key(run, claim, patch, built_from);
    let found = kept.iter().find(|kept| {
        kept.run == run.run.name && kept.claim == claim.says && kept.patch == name && kept.of == of
    });
    found.map_or(Outcome::NotMade, |kept| Outcome::Broke(kept.seen.clone()))
}

/// What is wrong with a claim's counter-runs, a sentence each; nothing: each has broken it.
pub fn faults(claim: &Claim, counters: &[Counter]) -> Vec<String> {
    let about = |words: String| format!("the claim \"{}\" {words}", claim.says);
    if counters.is_empty() {
        return vec![about(
            "has not been seen to fail: expected broken_by, a change or a run that breaks it"
                .to_owned(),
        )];
    }
    let faults = counters.iter().zip(&claim.broken_by);
    faults
        .filter_map(|(counter, by)| {
            let by = by.name();
            Some(about(match &counter.outcome {
                Outcome::Broke(_) => return None,
                Outcome::Spared(seen) => format!("does not break by {by}: {seen}"),
                Outcome::Nothing(why) => {
                    format!("is not judged by {by}: {why}; expected something there that breaks it")
                }
                Outcome::NotMade => format!("has not been seen to fail by {by} as they are now"),
            }))
        })
        .collect()
}
