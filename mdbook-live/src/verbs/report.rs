//! Makes a report of this machine: each run is made, judged and compared as `check` does, and
//! nothing is kept that says whose machine it is.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context, Result, bail};

use crate::book::claim::Claim;
use crate::book::figure::{self, built_in};
use crate::book::listing::{Book, RunRef, Size};
use crate::judge::agreement::Agreement;
use crate::judge::checks::Judgement;
use crate::judge::digest;
use crate::judge::figures::Measured;
use crate::judge::fingerprint::Fingerprints;
use crate::record::cast::{Record, date_of};
use crate::record::report::{Machine, MachineReport, ReportedClaim, ReportedRun, VERSION, Verdict};
use crate::record::result::RunResult;
use crate::run::host;
use crate::run::limits;
use crate::run::prebuilt;
use crate::run::session::Session;
use crate::text::scrub::scrubbed;

/// How long a sentence of a report may be, in characters.
const LONGEST: usize = 400;

/// How many lines are named in which a run differs from its record.
const MOST_NAMED: usize = 6;

/// Reports on the runs of one session.
pub struct Reporter<'s, 'b> {
    session: &'s Session<'b>,
    fingerprints: Fingerprints,
    private: Vec<String>,
}

impl<'s, 'b> Reporter<'s, 'b> {
    /// Nothing is reported yet.
    pub fn new(session: &'s Session<'b>) -> Reporter<'s, 'b> {
        Reporter {
            session,
            fingerprints: Fingerprints::default(),
            private: limits::private_words(),
        }
    }

    /// The machine, with the compiler that built the program of `run`.
    ///
    /// # Errors
    ///
    /// When the system does not answer.
    pub fn machine(&self, run: RunRef<'_>) -> Result<Machine> {
        let is_built = run.run.program.is_built_first();
        let program = self.session.program(run).ok().filter(|_| is_built);
        let compiler = program.and_then(|program| prebuilt::compiler_of(&program));
        let host = match compiler {
            Some(compiler) => host::card_with(compiler),
            None => host::card(&run.listing.dir),
        };
        Ok(Machine {
            host: host?,
            limits: limits::limits(self.session.most_memory())?,
        })
    }

    /// Makes a run and judges it. A run that cannot be made is reported with the reason.
    ///
    /// # Errors
    ///
    /// When the session is stopped, or a source cannot be read.
    pub fn report(&mut self, run: RunRef<'b>, size: Size) -> Result<ReportedRun> {
        let mut report = ReportedRun {
            run: run.full_name(),
            size,
            of: digest::of_run(run, size, &self.fingerprints.of_run(run)?),
            seconds: None,
            skipped: None,
            faults: Vec::new(),
            differs: None,
            figures: BTreeMap::new(),
            claims: Vec::new(),
        };
        let made = self.session.made(run, size);
        if self.session.stop.is_requested() {
            bail!("stopped");
        }
        let result = match made {
            Ok(result) => result,
            Err(error) => {
                report.faults.push(self.scrubbed(&format!("{error:#}")));
                return Ok(report);
            }
        };
        let record = Record::load(run, size)?;
        let judged = self.session.judge(run, size, &result, record.as_ref());
        if self.session.stop.is_requested() {
            bail!("stopped");
        }
        report.seconds = Some((result.seconds * 1000.0).round() / 1000.0);
        report.skipped = judged.skipped.map(|why| self.scrubbed(&why));
        let faults = judged.faults.iter();
        report.faults = faults.map(|fault| self.scrubbed(fault)).collect();
        report.differs = judged
            .agreement
            .as_ref()
            .map(|found| self.differences(found));
        if report.skipped.is_none() {
            report.figures = self.figures(run, &result);
        }
        for (at, judgement) in &judged.claims {
            report
                .claims
                .extend(self.claim(&run.run.claims[*at], judgement));
        }
        Ok(report)
    }

    fn scrubbed(&self, text: &str) -> String {
        let root = self.session.book.root.display().to_string();
        let text = scrubbed(&text.replace(&format!("{root}/"), ""), &self.private);
        match text.char_indices().nth(LONGEST) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    }

    fn differences(&self, agreement: &Agreement) -> Vec<String> {
        let sentences = agreement.sentences();
        let named = sentences.iter().take(MOST_NAMED);
        let mut named: Vec<String> = named.map(|line| self.scrubbed(line)).collect();
        if sentences.len() > named.len() {
            named.push(format!("{} lines more", sentences.len() - named.len()));
        }
        named
    }

    /// The figures that the run has, and its time.
    fn figures(&self, run: RunRef<'_>, result: &RunResult) -> BTreeMap<String, String> {
        let measured = Measured::of(result);
        let own = run.listing.figures.keys().map(String::as_str);
        let sampled = |name: &&str| !figure::is_of_memory(name) || !result.memory.is_empty();
        let names = own.chain(built_in()).filter(sampled);
        // A figure that this run does not print is another's of its listing.
        names
            .filter_map(|name| {
                let figure = measured.figure(run.listing, name).ok()?;
                Some((name.to_owned(), figure.to_string()))
            })
            .collect()
    }

    /// `None` where another size decides it.
    fn claim(&self, claim: &Claim, judgement: &Judgement) -> Option<ReportedClaim> {
        let (verdict, seen) = match judgement {
            Judgement::Decided(result) if result.holds => (Verdict::Holds, &result.seen),
            Judgement::Decided(result) => (Verdict::DoesNotHold, &result.seen),
            Judgement::Undecided(why) => (Verdict::Open, why),
            Judgement::NeedsRecordedSize => return None,
        };
        Some(ReportedClaim {
            says: claim.says.clone(),
            of: digest::of_claim(claim),
            verdict,
            seen: self.scrubbed(seen),
        })
    }
}

/// A report of these runs, as of today.
///
/// # Errors
///
/// When the clock is before 1970.
pub fn of(machine: Machine, runs: Vec<ReportedRun>) -> Result<MachineReport> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Ok(MachineReport {
        version: VERSION,
        made: date_of(now.context("the clock is before 1970")?.as_secs()),
        machine,
        runs,
    })
}

/// Joins a report with an earlier one of the same machine in that file, in the order of the book.
///
/// # Errors
///
/// When what is there is no report, or another machine's, which is not overwritten.
pub fn join_earlier(book: &Book, report: &mut MachineReport, path: &Path) -> Result<()> {
    let shown = book.relative(path).display().to_string();
    if let Some(earlier) = MachineReport::load(path, &shown)? {
        if !earlier.machine.is(&report.machine) {
            bail!(
                "{shown} is of another machine, {}: expected a file of its own, with --dest FILE",
                earlier.machine.name()
            );
        }
        report.add_earlier(earlier);
    }
    let order: Vec<String> = book.runs().map(|run| run.full_name()).collect();
    let place = |run: &ReportedRun| order.iter().position(|name| *name == run.run);
    // What the book has no more goes.
    report.runs.retain(|run| place(run).is_some());
    report
        .runs
        .sort_by_cached_key(|run| (place(run), run.size == Size::Recorded));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::listing::tests::book_with;
    use crate::record::report::tests::machine;
    use crate::run::stop::Stop;

    /// Runs that are scripts of `sh`: a name, a script, further lines.
    fn scripts(runs: &[(&str, &str, &str)]) -> (tempfile::TempDir, Book) {
        let mut text = "figures.t = { pattern = 't=(\\S+)', unit = 'ms' }\n".to_owned();
        for (name, script, rest) in runs {
            text += &format!(
                "[[run]]\nname = '{name}'\nargs = ['-c', '''{script}''']\nquick = {{ args = ['-c', '''{script} quick'''] }}\n{rest}\n"
            );
        }
        let (dir, book) = book_with(&text);
        (dir, book.expect("it is right"))
    }

    fn session(book: &Book) -> Session<'_> {
        let session = Session::new(book, Stop::default());
        session.use_program("demo", "/bin/sh");
        session
    }

    fn reported(session: &Session<'_>, name: &str, size: Size) -> ReportedRun {
        let run = session.book.run(name).expect("it is there");
        Reporter::new(session)
            .report(run, size)
            .expect("nobody stops it")
    }

    const CLAIMS: &str = "[[run.claim]]\nsays = 'Once'\ncount = { lines = '^Main', is = 1 }\n\
        [[run.claim]]\nsays = 'Long'\non = 'record'\nratio = { figure = 't', to = 'demo/b t', is = 2 }\n\
        [[run.claim]]\nsays = 'Twice'\nratio = { figure = 't', to = 'demo/b t', is = 2 }\n";

    #[test]
    fn a_run_is_reported_with_its_verdicts_and_figures() {
        let (_dir, book) = scripts(&[
            ("a", "echo Main; echo t=4; :", CLAIMS),
            ("b", "echo t=1; :", ""),
        ]);
        let report = reported(&session(&book), "demo/a", Size::Quick);
        let claims: Vec<(&str, Verdict, &str)> = report
            .claims
            .iter()
            .map(|claim| (claim.says.as_str(), claim.verdict, claim.seen.as_str()))
            .collect();
        assert_eq!(
            claims,
            [
                ("Once", Verdict::Holds, "1 line (Main)"),
                (
                    "Twice",
                    Verdict::DoesNotHold,
                    "4 ms is 4.0 times 1 ms, not exactly 2 times"
                ),
            ],
            "the other needs the recorded size"
        );
        assert_eq!(report.figures["t"], "4 ms");
        assert!(report.figures.contains_key("wall_s"));
        assert_eq!(report.differs, None, "there is no record");
    }

    #[test]
    fn at_the_recorded_size_the_other_run_is_made_too() {
        let (_dir, book) = scripts(&[
            ("a", "echo Main; echo t=4; :", CLAIMS),
            ("b", "echo t=2; :", ""),
        ]);
        let session = session(&book).by_itself();
        let report = reported(&session, "demo/a", Size::Recorded);
        let long = report.claims.iter().find(|claim| claim.says == "Long");
        assert_eq!(
            long.map(|claim| claim.verdict),
            Some(Verdict::Holds),
            "{report:?}"
        );
    }

    #[test]
    fn what_cannot_run_here_says_why_and_nothing_of_whose_machine_it_is() {
        let (_dir, book) = scripts(&[
            ("skips", "echo no room in /home/ada/x; exit 77", ""),
            ("fails", "echo no file /srv/ada/y; exit 3", CLAIMS),
            ("b", "echo t=1", ""),
        ]);
        let session = session(&book);
        let skipped = reported(&session, "demo/skips", Size::Quick);
        assert_eq!(skipped.skipped.as_deref(), Some("no room in …/x"));
        let failed = reported(&session, "demo/fails", Size::Quick);
        assert_eq!(
            failed.faults,
            ["ended with exit code 3, not 0: no file …/y"]
        );
        assert_eq!(failed.claims, []);
        let nowhere = Session::new(&book, Stop::default());
        nowhere.use_program("demo", "/nowhere/demo");
        let failed = reported(&nowhere, "demo/b", Size::Quick);
        assert!(
            failed.faults[0].starts_with("cannot run demo/b: cannot start …/demo"),
            "{failed:?}"
        );
    }

    #[test]
    fn a_run_that_needs_more_memory_than_it_may_have_is_skipped_and_so_is_what_reads_it() {
        // `tail` keeps what it reads of a line without an end.
        let grow = "echo t=4; tail -n 1 /dev/zero #";
        let ratio = "[[run.claim]]\nsays = 'Twice'\nratio = { figure = 't', to = 'demo/grows t', is = 2 }\n";
        let (_dir, book) = scripts(&[
            ("a", "echo t=8; :", ratio),
            ("grows", grow, CLAIMS),
            ("b", "echo t=2; :", ""),
        ]);
        let session = session(&book).with_most_memory(64 << 20);
        let grown = reported(&session, "demo/grows", Size::Quick);
        assert_eq!(
            grown.skipped.as_deref(),
            Some("ended, it needs more than the 64 MiB that it may have")
        );
        assert!(
            grown.faults.is_empty() && grown.claims.is_empty(),
            "{grown:?}"
        );
        let other = reported(&session, "demo/a", Size::Quick);
        assert_eq!(other.claims[0].verdict, Verdict::Open);
        assert!(
            other.claims[0].seen.starts_with("demo/grows was skipped: "),
            "{other:?}"
        );
    }

    #[test]
    fn the_report_of_another_machine_is_not_overwritten() {
        let (dir, book) = scripts(&[("a", "", ""), ("b", "", "")]);
        let report = |run: &str| {
            of(
                machine(),
                vec![crate::record::report::tests::reported(run, Vec::new())],
            )
            .unwrap()
        };
        let path = dir.path().join("reports/x.json");
        report("demo/b").save(&path).expect("it can be written");
        let mut same = report("demo/a");
        join_earlier(&book, &mut same, &path).expect("it is the same machine's");
        let names: Vec<&str> = same.runs.iter().map(|run| run.run.as_str()).collect();
        assert_eq!(names, ["demo/a", "demo/b"]);

        let mut other = report("demo/a");
        other.machine.host.cores = 64;
        let error = join_earlier(&book, &mut other, &path).expect_err("it is another's");
        assert_eq!(
            error.to_string(),
            "reports/x.json is of another machine, 2-cores-24-gib-amd-epyc: \
             expected a file of its own, with --dest FILE"
        );
    }
}
