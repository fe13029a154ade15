//! Looks at a run and at its record, and keeps the new one where somebody says so.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::book::listing::{RunRef, Size};
use crate::judge::agreement::Agreement;
use crate::judge::fingerprint;
use crate::record::built_from::BuiltFrom;
use crate::record::cast::Record;
use crate::record::result::RunResult;
use crate::run::cargo;
use crate::run::session::Session;
use crate::verbs::check::Report;
use crate::verbs::record;

/// What a run does now, beside its record.
#[derive(Debug)]
pub struct Review {
    /// What was found.
    pub found: Found,
    /// The record, where there is one.
    pub record: Option<Record>,
    /// What the run did now.
    pub result: RunResult,
    /// How the two compare.
    pub agreement: Option<Agreement>,
    /// The claims that break on the new one, a sentence each.
    pub broken: Vec<String>,
    built_from: BuiltFrom,
}

/// What was found of a run.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// It is as its record says.
    Same,
    /// It is as its record says, which is of an earlier program: how.
    SameButStale(String),
    /// It differs from its record.
    Changed,
    /// It has no record yet.
    New,
    /// It says that it cannot run here: why.
    Skipped(String),
    /// It does not end as it should: how. Such a run is no record.
    Failed(String),
}

/// Makes a run at its recorded size, and compares it with its record.
///
/// # Errors
///
/// When the session was stopped, or the run cannot be made.
pub fn look(session: &Session<'_>, run: RunRef<'_>) -> Result<Review> {
    // A session's runs belong to its book: claims may need others of them.
    let run = session.book.run(&run.full_name())?;
    let record = Record::load(run, Size::Recorded)?;
    cargo::lock(run);
    let built_from = fingerprint::of_run(run)?;
    let result = session.run(run, Size::Recorded, run.run.memory, &mut |_| {})?;
    let judged = session.judge(run, Size::Recorded, &result, record.as_ref());
    if session.stop.is_requested() {
        bail!("stopped");
    }
    let mut report = Report::default();
    report.count(run, judged.claims, "");
    let found = if let Some(why) = judged.skipped {
        Found::Skipped(why)
    } else if !judged.faults.is_empty() {
        Found::Failed(format!("it {}", judged.faults.join("; it ")))
    } else {
        match (&record, &judged.agreement) {
            (None, _) => Found::New,
            (Some(record), Some(agreement)) if agreement.agrees() && report.faults.is_empty() => {
                let stale = record.staleness_by(run, Size::Recorded, &built_from);
                stale.map_or(Found::Same, Found::SameButStale)
            }
            (Some(_), _) => Found::Changed,
        }
    };
    Ok(Review {
        found,
        record,
        result,
        agreement: judged.agreement,
        broken: report.faults,
        built_from,
    })
}

/// Makes what was found the record of its run, and returns where that lies.
///
/// # Errors
///
/// When it cannot be written, or the run fails at its quick size.
pub fn keep(session: &Session<'_>, run: RunRef<'_>, review: &Review) -> Result<PathBuf> {
    let run = session.book.run(&run.full_name())?;
    let built_from = review.built_from.clone();
    record::keep(session, run, review.result.clone(), built_from)
        .with_context(|| run.full_name())?;
    Ok(run.record_path(Size::Recorded))
}
