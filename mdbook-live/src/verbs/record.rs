//! Makes records.

use std::collections::BTreeMap;
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result, bail};

use crate::book::listing::{RunRef, Size};
use crate::judge::evidence::{self, Evidence};
use crate::judge::figures::Measured;
use crate::judge::fingerprint;
use crate::record::built_from::BuiltFrom;
use crate::record::cast::{Header, Provenance, Record};
use crate::record::line::{Line, Stream};
use crate::record::result::{Exit, RunResult};
use crate::run::host;
use crate::run::runner::COLUMNS;
use crate::run::session::Session;
use crate::verbs::check::Report;

/// What became of a recording.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// Whether it was written.
    pub written: bool,
    /// Why the run was skipped, in its own words, if it was.
    pub skipped: Option<String>,
    /// What is wrong with the run or with its claims, a sentence each.
    pub faults: Vec<String>,
    /// The claims that could not be judged, a sentence each.
    pub warnings: Vec<String>,
}

/// How records are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordOptions {
    /// How often a run is made; the record is the one with the median of the figure
    /// that the run names. An odd number, since a median of two is none of them.
    pub of: usize,
    /// Whether a run that fails, or on which a claim breaks, is written too.
    pub keep_broken: bool,
}

/// Runs a run at its recorded size and writes its record, in place of an
/// earlier one. One that was skipped or stopped is never written.
pub fn record(
    session: &Session<'_>,
    run: RunRef<'_>,
    how: RecordOptions,
    watch: &mut dyn FnMut(&Line),
) -> Result<Recorded> {
    // Before the build: what is edited while the run goes on makes its record stale.
    let built_from = fingerprint::of_run(run)?;
    let (result, of) = median_run(session, run, how.of, watch)?;
    let skipped = result.skipped();
    let mut report = Report {
        faults: result.faults(run.run.status),
        ..Report::default()
    };
    let record = record_of(run, result, built_from, of)?;
    if skipped.is_none() {
        let judged = evidence::judge(session.book, run, Evidence::Recorded(&record));
        report.count(run, judged.claims, "");
    }
    let (faults, warnings) = (report.faults, report.warnings);
    let written = skipped.is_none() && (faults.is_empty() || how.keep_broken);
    if written {
        record.save(run, Size::Recorded)?;
    }
    Ok(Recorded {
        written,
        skipped,
        faults,
        warnings,
    })
}

/// The run with the median of its figure, and the figure of each. The first one that
/// fails or is skipped ends the series: it is the one to look at.
fn median_run(
    session: &Session<'_>,
    run: RunRef<'_>,
    times: usize,
    watch: &mut dyn FnMut(&Line),
) -> Result<(RunResult, Vec<f64>)> {
    let mut outcomes: Vec<(f64, RunResult)> = Vec::with_capacity(times);
    for _ in 0..times.max(1) {
        let outcome = session.run(run, Size::Recorded, run.run.memory, watch)?;
        if outcome.end == Exit::Stopped {
            bail!("stopped");
        }
        if outcome.skipped().is_some() || !outcome.faults(run.run.status).is_empty() {
            return Ok((outcome, Vec::new()));
        }
        let measured = Measured {
            lines: &outcome.lines,
            seconds: outcome.seconds,
            memory: &outcome.memory,
        };
        let figure = measured.figure(run.listing, &run.run.rank_by)?;
        outcomes.push((figure.value, outcome));
    }
    outcomes.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let of = outcomes.iter().map(|(value, _)| *value).collect();
    let (_, median) = outcomes.swap_remove(outcomes.len() / 2);
    Ok((median, of))
}

fn record_of(
    run: RunRef<'_>,
    outcome: RunResult,
    built_from: BuiltFrom,
    of: Vec<f64>,
) -> Result<Record> {
    let began = outcome.began.duration_since(UNIX_EPOCH);
    let rows = outcome.lines.len().clamp(10, 50);
    Ok(Record {
        header: Header {
            version: 2,
            width: COLUMNS,
            height: u32::try_from(rows)?,
            timestamp: began.context("the clock is set before 1970")?.as_secs(),
            duration: outcome.seconds,
            title: run.full_name(),
            command: run.command(Size::Recorded),
            env: BTreeMap::new(),
            live: Provenance {
                host: host::card(&run.listing.dir)?,
                args: run.run.args.clone(),
                exit: outcome.exit_code(),
                built_from,
                stderr: printed_on(Stream::Error, &outcome.lines),
                by: run.run.rank_by.clone(),
                of,
            },
        },
        lines: outcome.lines,
        marks: outcome.marks,
        memory: outcome.memory,
    })
}

/// The places of the lines that were printed there.
fn printed_on(stream: Stream, lines: &[Line]) -> Vec<usize> {
    let lines = lines.iter().enumerate();
    let there = lines.filter(|(_, line)| line.stream == stream);
    there.map(|(at, _)| at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::listing::Book;
    use crate::book::listing::tests::book_with;
    use crate::run::stop::Stop;

    fn recorded(script: &str, keep_broken: bool) -> (tempfile::TempDir, Book, Recorded) {
        let (dir, book) = book_with(&format!(
            "[[run]]\nname = 'a'\ncaption = 'A'\ntimeout = '60s'\nquick = {{ args = [] }}\nargs = ['-c', '''{script}''']\n\
             [[run.claim]]\nsays = 'Once'\ncount = {{ lines = 'Main', is = 1 }}\n"
        ));
        let book = book.expect("it is right");
        let session = Session::new(&book, Stop::default());
        session.use_program("demo", "/bin/sh");
        let run = book.run("demo/a").expect("it is there");
        let how = RecordOptions { of: 1, keep_broken };
        let recorded = record(&session, run, how, &mut |_| {}).expect("sh starts");
        (dir, book, recorded)
    }

    fn on_disk(book: &Book) -> Option<Record> {
        Record::load(book.run("demo/a").expect("it is there"), Size::Recorded)
            .expect("it can be read")
    }

    #[test]
    fn a_record_holds_what_was_run_where_and_with_its_memory() {
        let (_dir, book, made) = recorded("echo Main; sleep 0.1", false);
        assert!(made.written && made.faults.is_empty());
        let record = on_disk(&book).expect("it was written");
        assert_eq!(record.header.title, "demo/a");
        assert_eq!(
            record.header.command,
            "cargo run -- -c 'echo Main; sleep 0.1'"
        );
        assert!(record.header.duration >= record.lines[0].seconds);
        assert!(!record.memory.is_empty());
        let run = book.run("demo/a").expect("it is there");
        assert_eq!(
            record.staleness(run, Size::Recorded).expect("sources"),
            None
        );
    }

    #[test]
    fn the_record_is_the_run_with_the_median_of_its_figure() {
        // Each of the three runs prints another figure, in no order.
        let script = "echo x >> times; case $(wc -l < times) in \
                      1) echo Main t=9;; 2) echo Main t=1;; *) echo Main t=5;; esac";
        let (_dir, book) = book_with(&format!(
            "figures.t = {{ pattern = 't=(.)' }}\n[[run]]\nname = 'a'\ncaption = 'A'\n\
             rank_by = 't'\ntimeout = '60s'\nargs = ['-c', '''{script}''']\n"
        ));
        let book = book.expect("it is right");
        let session = Session::new(&book, Stop::default());
        session.use_program("demo", "/bin/sh");
        let run = book.run("demo/a").expect("it is there");
        let how = RecordOptions {
            of: 3,
            keep_broken: false,
        };
        let made = record(&session, run, how, &mut |_| {}).expect("sh starts");
        assert!(made.written);
        let record = Record::load(run, Size::Recorded).expect("it can be read");
        let record = record.expect("it was written");
        assert_eq!(record.lines[0].text(), "Main t=5");
        assert_eq!(record.header.live.of, [1.0, 5.0, 9.0]);
    }

    #[test]
    fn a_run_that_breaks_a_claim_or_fails_is_not_written() {
        let (_dir, book, made) = recorded("echo Main; echo Main", false);
        assert_eq!(
            made.faults,
            ["the claim \"Once\" does not hold: 2 lines, not 1"]
        );
        assert!(!made.written && on_disk(&book).is_none());

        let (_dir, book, made) = recorded("echo Main; exit 2", false);
        assert_eq!(made.faults, ["ended with exit code 2, not 0: Main"]);
        assert!(!made.written && on_disk(&book).is_none());
    }

    #[test]
    fn it_is_written_when_that_is_asked_for() {
        let (_dir, book, made) = recorded("echo Main; exit 2", true);
        assert!(made.written && !made.faults.is_empty());
        assert_eq!(on_disk(&book).expect("it was written").header.live.exit, 2);
    }

    #[test]
    fn a_skipped_run_is_never_written() {
        let (_dir, book, made) = recorded("echo no room; exit 77", true);
        assert_eq!(made.skipped.as_deref(), Some("no room"));
        assert!(!made.written && on_disk(&book).is_none());
    }
}
