//! Checks a run: made at its quick size, judged, compared with its record; and whether its
//! claims have been seen to fail.

use anyhow::{Result, bail};

use crate::book::claim::On;
use crate::book::counter_run::CounterRun;
use crate::book::listing::{RunRef, Size};
use crate::judge::agreement::Agreement;
use crate::judge::checks::Judgement;
use crate::judge::counter_run::{self, Outcome};
use crate::judge::evidence::{self, Evidence};
use crate::judge::fingerprint::Fingerprints;
use crate::record::cast::Record;
use crate::record::result::RunResult;
use crate::run::session::Session;
use crate::verbs::falsify::{self, CounterRuns, Falsifier};
use crate::verbs::text_files;

/// What became of a run.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Why it was skipped, in its own words, if it was.
    pub skipped: Option<String>,
    /// How long it took, if it could be started.
    pub seconds: Option<f64>,
    /// Whether it was compared with a record.
    pub compared: bool,
    /// How many claims came out as the book says, on the live run or on the record.
    pub claims_held: usize,
    /// How many claims about the reference did: no run of a program can break them.
    pub of_reference_held: usize,
    /// What is wrong, a sentence each; nothing: the run passes.
    pub faults: Vec<String>,
    /// What should be seen to, a sentence each.
    pub warnings: Vec<String>,
}

/// Checks runs of one session.
pub struct Checker<'s, 'b> {
    session: &'s Session<'b>,
    falsifier: Falsifier<'s, 'b>,
    fingerprints: Fingerprints,
}

impl<'s, 'b> Checker<'s, 'b> {
    /// Nothing is checked yet.
    pub fn new(session: &'s Session<'b>) -> Checker<'s, 'b> {
        Checker {
            session,
            falsifier: Falsifier::new(session),
            fingerprints: Fingerprints::default(),
        }
    }

    /// As [`Checker::check`], without the counter-runs.
    pub fn check_claims(&self, run: RunRef<'b>) -> Result<Report> {
        check(self.session, run)
    }

    /// Runs a run at its quick size, judges its claims, compares it with its record, judges
    /// the claims on the record, and looks whether each of them has been seen to fail. The
    /// counter-runs that were kept of another program are made anew.
    ///
    /// An error only when the session was stopped; all else is in the report.
    pub fn check(&mut self, run: RunRef<'b>) -> Result<Report> {
        let mut report = check(self.session, run)?;
        if report.skipped.is_none()
            && let Err(error) = self.counter_runs(run, &mut report)
        {
            if self.session.stop.is_requested() {
                bail!("stopped");
            }
            report.faults.push(format!("{error:#}"));
        }
        Ok(report)
    }

    fn counter_runs(&mut self, run: RunRef<'b>, report: &mut Report) -> Result<()> {
        let all = falsify::kept(self.session.book, run, &mut self.fingerprints)?;
        let renew = format!("mdbook-live falsify {} adds it", run.full_name());
        for (at, mut counters) in all.into_iter().enumerate() {
            let claim = &run.run.claims[at];
            for (counter, by) in counters.iter_mut().zip(&claim.broken_by) {
                let CounterRun::Patch(patch) = by else {
                    continue;
                };
                if counter.outcome != Outcome::NotMade {
                    continue;
                }
                let what = CounterRuns {
                    listing: &run.listing.name,
                    patch,
                    claims: vec![(run, at)],
                };
                let mut made = self.falsifier.try_on(&what)?;
                if let Some((.., outcome)) = made.claims.pop() {
                    if let Outcome::Broke(seen) = &outcome {
                        report.warnings.push(format!(
                            "{patch} breaks the claim \"{}\" ({seen}), but recorded/seen-to-fail.json has no such entry for the program as it is now; {renew}",
                            claim.says
                        ));
                    }
                    counter.outcome = outcome;
                }
            }
            let faults = counter_run::faults(claim, &counters);
            if claim.broken_by.is_empty() {
                report.warnings.extend(faults)
            } else {
                report.faults.extend(faults)
            }
        }
        Ok(())
    }
}

/// All but the counter-runs.
fn check(session: &Session<'_>, run: RunRef<'_>) -> Result<Report> {
    let mut report = Report::default();
    let record = report.load(run, Size::Recorded);
    let quick = if run.has_one_size() {
        record.clone()
    } else {
        report.load(run, Size::Quick)
    };
    match session.quick(run) {
        Ok(result) => report.live(session, run, &result, quick.as_ref())?,
        Err(_) if session.stop.is_requested() => bail!("stopped"),
        Err(error) => report.faults.push(format!("{error:#}")),
    }
    if session.stop.is_requested() {
        bail!("stopped");
    }
    if let Some(record) = &record {
        report.recorded(session, run, record);
    }
    if !run.has_one_size()
        && let Some(quick) = &quick
    {
        report.freshness(run, Size::Quick, quick);
    }
    Ok(report)
}

impl Report {
    /// Whether the run was made and nothing is wrong.
    pub fn passes(&self) -> bool {
        self.faults.is_empty() && self.skipped.is_none()
    }

    /// Has a warning count as a fault: that there is no record is one.
    pub fn be_strict(&mut self) {
        self.faults.append(&mut self.warnings);
    }

    fn live(
        &mut self,
        session: &Session<'_>,
        run: RunRef<'_>,
        result: &RunResult,
        record: Option<&Record>,
    ) -> Result<()> {
        // A session's runs belong to its book: claims may need others of them.
        let run = session.book.run(&run.full_name())?;
        let judged = session.judge(run, Size::Quick, result, record);
        self.seconds = Some(result.seconds);
        self.skipped = judged.skipped;
        self.faults.extend(judged.faults);
        self.count(run, judged.claims, "");
        self.compared = judged.agreement.is_some();
        let differences = judged.agreement.iter().flat_map(Agreement::sentences);
        self.faults.extend(differences);
        Ok(())
    }

    /// The record of that size. One that is broken is a fault, and one that is not there a
    /// warning.
    fn load(&mut self, run: RunRef<'_>, size: Size) -> Option<Record> {
        match Record::load(run, size) {
            Ok(Some(record)) => return Some(record),
            Ok(None) => self.warnings.push(format!(
                "{}; mdbook-live record {} does it",
                match size {
                    Size::Recorded => "not recorded",
                    Size::Quick => "not recorded at its quick size",
                },
                run.full_name()
            )),
            Err(error) => self.faults.push(format!("{error:#}")),
        }
        None
    }

    fn freshness(&mut self, run: RunRef<'_>, size: Size, record: &Record) {
        match record.staleness(run, size) {
            Ok(None) => {}
            Ok(Some(why)) => self.warnings.push(format!(
                "the record{} is stale: {why}; mdbook-live record {} renews it",
                match size {
                    Size::Recorded => "",
                    Size::Quick => " of the quick size",
                },
                run.full_name()
            )),
            Err(error) => self.faults.push(format!("{error:#}")),
        }
    }

    fn recorded(&mut self, session: &Session<'_>, run: RunRef<'_>, record: &Record) {
        self.freshness(run, Size::Recorded, record);
        if let Some(file) = text_files::differs(run, record) {
            let name = run.full_name();
            self.warnings.push(format!(
                "{} differs from the record; mdbook-live export {name} rewrites it",
                session.book.relative(&file).display()
            ));
        }
        let judged = evidence::judge(session.book, run, Evidence::Recorded(record));
        self.count(run, judged.claims, " on the record");
    }

    /// Adds what became of claims; `on` says on what, where that is not plain.
    pub(super) fn count(&mut self, run: RunRef<'_>, judged: Vec<(usize, Judgement)>, on: &str) {
        for (at, judgement) in judged {
            let claim = &run.run.claims[at];
            match judgement {
                Judgement::Decided(result) if claim.is_as_the_book_says(&result) => {
                    match claim.on {
                        On::Reference => self.of_reference_held += 1,
                        On::Any | On::Record => self.claims_held += 1,
                    }
                }
                Judgement::Decided(result) => self.faults.push(claim.fault(&result, on)),
                Judgement::Undecided(why) => self.warnings.push(format!(
                    "the claim \"{}\" was not judged{on}: {why}",
                    claim.says
                )),
                // It is judged on the record.
                Judgement::NeedsRecordedSize => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::listing::Book;
    use crate::book::listing::tests::book_with;
    use crate::record::account::Observation;
    use crate::record::cast::tests::record_of;
    use crate::run::stop::Stop;

    /// Runs that are scripts of `sh`; each is its name, its script, its further lines.
    fn scripts(runs: &[(&str, &str, &str)]) -> (tempfile::TempDir, Book) {
        let mut text = "figures.t = { pattern = 't=(\\S+)' }\n".to_owned();
        for (name, script, rest) in runs {
            text += &format!(
                "[[run]]\nname = '{name}'\ncaption = 'A script'\nargs = ['-c', '''{script}''']\ntimeout = '60s'\n{rest}\n"
            );
        }
        let (dir, book) = book_with(&text);
        (dir, book.expect("it is right"))
    }

    fn record(book: &Book, name: &str, text: &str) {
        let run = book.run(name).expect("it is there");
        let mut record = record_of(text);
        record.header.live.args = run.run.args.clone();
        record.header.command = run.command(Size::Recorded);
        record.header.live.built_from = crate::judge::fingerprint::of_run(run).expect("sources");
        record.save(run, Size::Recorded).expect("it can be written");
    }

    fn checked(book: &Book, name: &str) -> Report {
        let session = Session::new(book, Stop::default());
        session.use_program("demo", "/bin/sh");
        check(&session, book.run(name).expect("it is there")).expect("nobody stops it")
    }

    const COUNT: &str = "[[run.claim]]\nsays = 'Once'\ncount = { lines = '^Main', is = 1 }";
    const NONE: [&str; 0] = [];

    #[test]
    fn a_run_that_keeps_its_claims_and_agrees_with_its_record_passes() {
        let (_dir, book) = scripts(&[("a", "echo Main 0x1", COUNT)]);
        record(&book, "demo/a", "Main 0xffff\n");
        let report = checked(&book, "demo/a");
        assert_eq!(
            (&report.faults[..], &report.warnings[..]),
            (&[][..], &[][..])
        );
        assert!(report.passes() && report.compared);
        assert_eq!(report.claims_held, 2, "on the live run and on the record");
    }

    #[test]
    fn a_broken_claim_is_named_with_what_was_seen() {
        let (_dir, book) = scripts(&[("a", "echo Main; echo Main", COUNT)]);
        record(&book, "demo/a", "Main\nMain\nMain\n");
        assert_eq!(
            checked(&book, "demo/a").faults,
            [
                "the claim \"Once\" does not hold: 2 lines, not 1",
                "only recorded: Main",
                "the claim \"Once\" does not hold on the record: 3 lines, not 1",
            ]
        );
    }

    #[test]
    fn a_difference_from_the_record_is_a_fault() {
        let (_dir, book) = scripts(&[("a", "echo Main; echo new", COUNT)]);
        record(&book, "demo/a", "Main\nold\n");
        assert_eq!(
            checked(&book, "demo/a").faults,
            ["only recorded: old", "only live: new"]
        );
    }

    #[test]
    fn a_run_that_fails_is_not_compared_too() {
        let (_dir, book) = scripts(&[("a", "echo no memory; exit 1", COUNT)]);
        record(&book, "demo/a", "Main\n");
        assert_eq!(
            checked(&book, "demo/a").faults,
            ["ended with exit code 1, not 0: no memory"]
        );
    }

    #[test]
    fn the_exit_code_that_a_run_must_have_passes() {
        let (_dir, book) = scripts(&[("a", "echo Main; exit 3", &format!("status = 3\n{COUNT}"))]);
        assert_eq!(checked(&book, "demo/a").faults, NONE);
    }

    #[test]
    fn a_missing_record_and_a_stale_one_are_warnings() {
        let (dir, book) = scripts(&[("a", "echo Main", COUNT)]);
        let report = checked(&book, "demo/a");
        assert!(report.passes() && !report.compared);
        assert_eq!(
            report.warnings,
            ["not recorded; mdbook-live record demo/a does it"]
        );

        record(&book, "demo/a", "Main\n");
        let source = dir.path().join("listings/demo/src/main.rs");
        std::fs::write(source, "fn main() { loop {} }").expect("a file");
        let report = checked(&book, "demo/a");
        assert!(report.passes());
        assert_eq!(
            report.warnings,
            [
                "the record is stale: its sources have changed since 2026-03-14; \
              mdbook-live record demo/a renews it"
            ]
        );
    }

    #[test]
    fn a_broken_record_is_a_fault_that_names_its_line() {
        let (_dir, book) = scripts(&[("a", "echo Main", COUNT)]);
        record(&book, "demo/a", "Main\n");
        let path = book
            .run("demo/a")
            .expect("it is there")
            .record_path(Size::Recorded);
        std::fs::write(&path, "{}\n").expect("a file");
        let report = checked(&book, "demo/a");
        assert!(
            report.faults[0].contains("a.cast:1: expected the header"),
            "{:?}",
            report.faults
        );
        assert_eq!(report.warnings, NONE);
    }

    #[test]
    fn a_skipped_run_neither_fails_nor_passes() {
        let (_dir, book) = scripts(&[("a", "echo needs root; exit 77", COUNT)]);
        let report = checked(&book, "demo/a");
        assert_eq!(report.skipped.as_deref(), Some("needs root"));
        assert!(report.faults.is_empty() && !report.passes());
    }

    #[test]
    fn a_ratio_takes_the_other_run_of_the_same_size() {
        let ratio =
            "[[run.claim]]\nsays = 'Twice'\nratio = { figure = 't', to = 'demo/b t', is = 2 }";
        let (_dir, book) = scripts(&[("a", "echo t=4", ratio), ("b", "echo t=2", "")]);
        record(&book, "demo/a", "t=4\n");
        let report = checked(&book, "demo/a");
        assert_eq!(report.claims_held, 1);
        assert_eq!(
            report.warnings,
            ["the claim \"Twice\" was not judged on the record: demo/b has no record"]
        );
        record(&book, "demo/b", "t=1\n");
        assert_eq!(
            checked(&book, "demo/a").faults,
            [
                "the claim \"Twice\" does not hold on the record: 4 is 4.0 times 1, not exactly 2 times"
            ]
        );
    }

    #[test]
    fn a_ratio_to_a_run_that_was_skipped_is_not_judged_and_to_one_that_failed_is_broken() {
        let ratio = |to: &str| {
            format!(
                "[[run.claim]]\nsays = 'Twice'\nratio = {{ figure = 't', to = 'demo/{to} t', is = 2 }}"
            )
        };
        let (_dir, book) = scripts(&[
            ("a", "echo t=4", &ratio("skips")),
            ("b", "echo t=4", &ratio("fails")),
            ("skips", "echo too small; exit 77", ""),
            ("fails", "echo t=2; exit 9", ""),
        ]);
        let report = checked(&book, "demo/a");
        assert!(report.passes());
        assert_eq!(
            report.warnings[1],
            "the claim \"Twice\" was not judged: demo/skips was skipped: too small"
        );
        assert_eq!(
            checked(&book, "demo/b").faults,
            ["the claim \"Twice\" does not hold: demo/fails ended with exit code 9, not 0: t=2"]
        );
    }

    #[test]
    fn claims_of_the_recorded_size_are_judged_on_the_record_alone() {
        let claim = format!("{COUNT}\non = 'record'");
        let (_dir, book) = scripts(&[("a", "echo other", &claim)]);
        record(&book, "demo/a", "other\n");
        assert_eq!(
            checked(&book, "demo/a").faults,
            ["the claim \"Once\" does not hold on the record: `^Main` matches no line"]
        );
    }

    #[test]
    fn a_claim_about_the_reference_is_judged_on_what_its_program_printed() {
        let claim = "[[run.claim]]\nsays = 'Twice'\non = 'reference'\ncount = { lines = '^Main', is = 2 }\n\
                     [[run.claim]]\nsays = 'Long'\non = 'reference'\n\
                     ratio = { figure = 't', to = 't', is = 2 }";
        let (dir, book) = scripts(&[("a", "echo Main t=1", claim)]);
        record(&book, "demo/a", "Main t=1\n");
        let faults = checked(&book, "demo/a").faults;
        assert!(
            faults[0].contains("cannot read the reference's output"),
            "{faults:?}"
        );

        let reference = dir.path().join("listings/demo/manual");
        std::fs::create_dir(&reference).expect("a folder");
        std::fs::write(reference.join("a.txt"), "Main t=3\nMain t=4\n").expect("a file");
        assert_eq!(
            checked(&book, "demo/a").faults,
            [
                "the claim \"Long\" does not hold on the record: 4 is 1.0 times 4, not exactly 2 times"
            ]
        );
    }

    #[test]
    fn a_claim_that_the_book_refutes_is_a_fault_where_it_holds() {
        let claim = format!("{COUNT}\nreference = {{ becomes = 'does not hold' }}");
        let (_dir, book) = scripts(&[
            ("a", "echo Main", &claim),
            ("b", "echo Main; echo Main", &claim),
        ]);
        assert_eq!(
            checked(&book, "demo/a").faults,
            ["the claim \"Once\" holds, though the book refutes it: 1 line (Main)"]
        );
        let report = checked(&book, "demo/b");
        assert_eq!((report.claims_held, &report.faults[..]), (1, &[][..]));
    }

    #[test]
    fn a_quick_run_is_made_once_for_all_claims() {
        let ratio =
            "[[run.claim]]\nsays = 'Same'\nratio = { figure = 't', to = 'demo/b t', at_least = 0 }";
        let (dir, book) = scripts(&[
            ("a", "echo t=1", ratio),
            ("b", "echo t=1; echo ran >> ran.txt", ""),
        ]);
        let session = Session::new(&book, Stop::default());
        session.use_program("demo", "/bin/sh");
        for name in ["demo/a", "demo/b"] {
            let run = book.run(name).expect("it is there");
            assert!(check(&session, run).expect("nobody stops it").passes());
        }
        let ran = std::fs::read_to_string(dir.path().join("listings/demo/ran.txt"));
        assert_eq!(ran.expect("it ran"), "ran\n");
    }

    /// A script that starts a process, and a claim that it does.
    const STARTS_ONE: (&str, &str, &str) = (
        "a",
        "(exit 0) & wait; echo Main",
        "[[run.claim]]\nsays = 'Two'\nvalue = { figure = 'tree_processes', is = 2 }\n\
         [[run.claim]]\nsays = 'As many'\n\
         ratio = { figure = 'tree_processes', to = 'demo/b tree_processes', is = 2 }",
    );

    #[test]
    fn claims_of_what_processes_do_are_judged_on_observed_runs() {
        let (_dir, book) = scripts(&[STARTS_ONE, ("b", "echo Main", "")]);
        record(&book, "demo/a", "Main\n");
        record(&book, "demo/b", "Main\n");
        let report = checked(&book, "demo/a");
        assert_eq!((report.claims_held, &report.faults[..]), (2, &[][..]));
        // The records were made without.
        let warning = |says: &str| {
            format!(
                "the claim \"{says}\" was not judged on the record: \
                 the record of demo/one does not say what its processes did"
            )
        };
        assert_eq!(report.warnings, [warning("Two"), warning("As many")]);

        let (_dir, book) = scripts(&[
            ("a", "(exit 0) & (exit 0) & wait; echo Main", STARTS_ONE.2),
            ("b", "exec sh -c 'echo Main'", ""),
        ]);
        assert_eq!(
            checked(&book, "demo/a").faults,
            [
                "the claim \"Two\" does not hold: 3, not 2",
                "the claim \"As many\" does not hold: 3 is 3.0 times 1, not exactly 2 times",
            ]
        );
    }

    #[test]
    fn a_run_that_could_not_be_observed_leaves_its_claims_open() {
        let (_dir, book) = scripts(&[STARTS_ONE, ("b", "echo Main", "")]);
        let session = Session::new(&book, Stop::default());
        session.use_program("demo", "/bin/sh");
        let run = book.run("demo/a").expect("it is there");
        let mut result = RunResult::clone(&session.quick(run).expect("sh starts"));
        assert!(result.observation.account().is_some());
        result.observation = Observation::Refused("ptrace is not permitted here".into());
        let mut report = Report::default();
        let judged = report.live(&session, run, &result, None);
        judged.expect("it is a run of the book");
        let warning = |says: &str| {
            format!("the claim \"{says}\" was not judged: ptrace is not permitted here")
        };
        assert_eq!(report.warnings, [warning("Two"), warning("As many")]);
        assert_eq!(report.faults, NONE);
    }

    #[test]
    fn a_stopped_session_is_an_error() {
        let (_dir, book) = scripts(&[("a", "echo Main", "")]);
        let session = Session::new(&book, Stop::default());
        session.use_program("demo", "/bin/sh");
        session.stop.request();
        let run = book.run("demo/a").expect("it is there");
        assert!(check(&session, run).is_err());
    }
}
