//! `mdbook-live list`.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::exit_status::ExitStatus;
use super::json::{self, Answer, Form, ListedRun};
use super::selection::name_width;
use super::terminal::Terminal;
use crate::book::listing::{Book, RunRef, Size};
use crate::judge::fingerprint::Fingerprints;
use crate::record::cast::Record;
use crate::run::host;
use crate::text::words::counted;

pub(super) fn list(
    book: &Book,
    form: Form,
    terminal: Terminal,
    out: &mut dyn Write,
) -> Result<ExitStatus> {
    let runs: Vec<RunRef<'_>> = book.runs().collect();
    let width = name_width(&runs);
    let mut fingerprints = Fingerprints::default();
    // A toolchain file in a listing's folder may choose another one than elsewhere.
    let mut compilers: HashMap<PathBuf, String> = HashMap::new();
    let mut rustc = |dir: &Path| {
        let known = compilers.entry(dir.to_owned());
        // Where there is none, nothing is said of it.
        known
            .or_insert_with(|| host::rustc(dir, None).unwrap_or_default())
            .clone()
    };
    let mut listed = Vec::new();
    for run in runs {
        let found = Found::of(run, &mut fingerprints)?;
        if form == Form::Json {
            listed.push(found.listed(book, run));
            continue;
        }
        let words = match (&found.problem, &found.record) {
            (Some(Problem::Broken(why)), _) => terminal.bad(why),
            (Some(Problem::Stale(why)), _) => terminal.warning(why),
            (None, None) => terminal.warning("not recorded"),
            (None, Some(record)) => recorded(record, &rustc(&run.listing.dir)),
        };
        let (name, claims) = (run.full_name(), counted(run.run.claims.len(), "claim"));
        match &*run.run.caption {
            "" => writeln!(out, "{name:width$}  {claims}; {words}")?,
            caption => {
                writeln!(
                    out,
                    "{name:width$}  {caption}\n{:width$}  {claims}; {words}",
                    ""
                )?;
            }
        }
    }
    if form == Form::Json {
        json::write(&Answer::List { runs: listed }, out)?;
    }
    Ok(ExitStatus::Success)
}

/// The record of a run, and what is wrong with it.
struct Found {
    record: Option<Record>,
    problem: Option<Problem>,
}

enum Problem {
    /// It cannot be read: why.
    Broken(String),
    /// It is of another program, or not whole: how.
    Stale(String),
}

impl Found {
    fn of(run: RunRef<'_>, fingerprints: &mut Fingerprints) -> Result<Found> {
        let broken = |error: anyhow::Error| Found {
            record: None,
            problem: Some(Problem::Broken(format!("{error:#}"))),
        };
        let record = match Record::load(run, Size::Recorded) {
            Err(error) => return Ok(broken(error)),
            Ok(None) => {
                return Ok(Found {
                    record: None,
                    problem: None,
                });
            }
            Ok(Some(record)) => record,
        };
        let now = fingerprints.of_run(run)?;
        let stale = record.staleness_by(run, Size::Recorded, &now);
        let mut problem = stale.map(|why| format!("stale: {why}"));
        if problem.is_none() && !run.has_one_size() {
            problem = match Record::load(run, Size::Quick) {
                Err(error) => return Ok(broken(error)),
                Ok(None) => Some("not recorded at its quick size".to_owned()),
                Ok(Some(quick)) => {
                    let stale = quick.staleness_by(run, Size::Quick, &now);
                    stale.map(|why| format!("stale at its quick size: {why}"))
                }
            };
        }
        Ok(Found {
            record: Some(record),
            problem: problem.map(Problem::Stale),
        })
    }

    fn listed(&self, book: &Book, run: RunRef<'_>) -> ListedRun {
        let header = self.record.as_ref().map(|record| &record.header);
        let rustc = header.map(|header| header.live.host.rustc.clone());
        ListedRun {
            run: run.full_name(),
            caption: run.run.caption.clone(),
            folder: book.relative(&run.listing.dir).display().to_string(),
            command: run.command(Size::Recorded),
            claims: run.run.claims.len(),
            recorded: header.map(|header| header.date()),
            rustc: rustc.filter(|rustc| !rustc.is_empty()),
            problem: self.problem.as_ref().map(|problem| match problem {
                Problem::Broken(why) | Problem::Stale(why) => why.clone(),
            }),
        }
    }
}

/// When a record was made; and by which compiler, where `rustc` is another.
fn recorded(record: &Record, rustc: &str) -> String {
    if let Some(file) = &record.header.live.imported {
        return format!("imported {} from {file}", record.header.date());
    }
    let then = &record.header.live.host.rustc;
    let by = if then == rustc || rustc.is_empty() {
        String::new()
    } else {
        format!(" by {then}; here is {rustc}")
    };
    format!("recorded {}{by}", record.header.date())
}
