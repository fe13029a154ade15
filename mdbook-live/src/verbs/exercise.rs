//! Exercises: the reader's program is run as its solution is, and the claims about the
//! solution's runs are judged on it.

use anyhow::{Context, Result, bail};

use crate::book::claim::{Claim, On};
use crate::book::exercises::ExerciseRef;
use crate::book::listing::{Run, RunRef, Size};
use crate::judge::checks::Judgement;
use crate::record::result::RunResult;
use crate::run::session::Session;

/// What came of an attempt at an exercise.
#[derive(Debug, Clone)]
pub struct Attempt<'b> {
    /// Its runs, in the order in which the exercise names them.
    pub runs: Vec<AttemptedRun<'b>>,
}

/// A run of the reader's program.
#[derive(Debug, Clone)]
pub struct AttemptedRun<'b> {
    /// What a reader types in the listing's folder to make it.
    pub command: String,
    /// What it printed and did.
    pub result: RunResult,
    /// Why it cannot run here, in its own words, if it said so.
    pub skipped: Option<String>,
    /// How it ended, where that is not as it should.
    pub faults: Vec<String>,
    /// The claims of the solution's run, each with its verdict on this one.
    pub checks: Vec<(&'b Claim, Judgement)>,
}

impl Attempt<'_> {
    /// Whether the exercise is solved.
    pub fn solves(&self) -> bool {
        self.runs.iter().all(AttemptedRun::passes)
    }

    /// How many checks held, and of how many.
    pub fn held(&self) -> (usize, usize) {
        let checks = self.runs.iter().flat_map(|run| &run.checks);
        let held = checks.clone().filter(|(claim, found)| holds(claim, found));
        (held.count(), checks.count())
    }
}

impl AttemptedRun<'_> {
    fn passes(&self) -> bool {
        let mut checks = self.checks.iter();
        self.skipped.is_none()
            && self.faults.is_empty()
            && checks.all(|(claim, judgement)| holds(claim, judgement))
    }
}

/// Whether a check came out as it should; one that could not be made did not.
pub fn holds(claim: &Claim, judgement: &Judgement) -> bool {
    match judgement {
        Judgement::Decided(found) => claim.is_as_the_book_says(found),
        Judgement::Undecided(_) | Judgement::NeedsRecordedSize => false,
    }
}

/// Runs the reader's version of an exercise's program as each run of its solution, at the quick
/// size, and judges the claims of those runs on it, however it ended.
///
/// # Errors
///
/// When the exercise has no program of its own, the program does not build, or the session was
/// stopped.
pub fn attempt<'b>(session: &Session<'b>, exercise: ExerciseRef<'b>) -> Result<Attempt<'b>> {
    let mut runs = Vec::new();
    for solution in exercise.runs() {
        let of_reader = Run {
            program: exercise.program(None),
            ..solution.run.clone()
        };
        let run = RunRef {
            listing: solution.listing,
            run: &of_reader,
        };
        let memory = session.book.quick_run_needs_memory(solution);
        let result = session.run(run, Size::Quick, memory, &mut |_| {})?;
        if session.stop.is_requested() {
            bail!("stopped");
        }
        let skipped = result.skipped();
        let judged = solution
            .run
            .claims
            .iter()
            .filter(|claim| claim.on == On::Any);
        let checks = if skipped.is_some() {
            Vec::new()
        } else {
            judged
                .map(|claim| {
                    let found = session.judge_claim(run, claim, Size::Quick, &result);
                    (claim, found)
                })
                .collect()
        };
        runs.push(AttemptedRun {
            command: run.command(Size::Quick),
            faults: result.faults(run.run.status),
            skipped,
            result,
            checks,
        });
    }
    if runs.is_empty() {
        bail!(
            "{} is made anew for each seed; expected --seed N",
            exercise.full_name()
        );
    }
    Ok(Attempt { runs })
}

/// What came of an attempt at an exercise as its author left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Starter {
    /// It fails, and one of the checks that it breaks has a hint for the reader.
    Helps,
    /// It solves the exercise: it is the reader's by now, or its checks ask nothing.
    Solves,
    /// It could not be tried, or no check that it breaks helps.
    Faulty(String),
}

/// Tries the program of an exercise as it stands.
///
/// # Errors
///
/// As [`attempt`]; that it does not build is one.
pub fn try_starter(session: &Session<'_>, exercise: ExerciseRef<'_>) -> Result<Starter> {
    // A session's runs belong to its book.
    let exercise = session.book.exercise(&exercise.full_name())?;
    let starter = session
        .book
        .relative(&exercise.starter())
        .display()
        .to_string();
    let attempt = attempt(session, exercise).with_context(|| starter.clone())?;
    if attempt.solves() {
        return Ok(Starter::Solves);
    }
    if let Some(why) = attempt.runs.iter().find_map(|run| run.skipped.as_ref()) {
        return Ok(Starter::Faulty(format!("{starter} was skipped: {why}")));
    }
    let broken = attempt.runs.iter().flat_map(|run| &run.checks);
    let mut broken = broken.filter(|(claim, judgement)| !holds(claim, judgement));
    if broken.any(|(claim, _)| claim.hint.is_some()) {
        return Ok(Starter::Helps);
    }
    Ok(Starter::Faulty(format!(
        "{starter} fails, and no check that it breaks has a hint for the reader"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::exercises::tests::told;
    use crate::book::program::Program;
    use crate::run::stop::Stop;

    const EXERCISE: &str = "[[exercise]]\nname = 'first'\ntitle = 'The first'\nlevel = 1\n\
                            minutes = 5\nruns = ['one']\n";

    /// Asks with a reader's program that is a script of `sh`.
    fn with<T>(script: &str, ask: impl FnOnce(&Session<'_>, ExerciseRef<'_>) -> T) -> T {
        let (_dir, book) = told(EXERCISE);
        let mut book = book.expect("it is right");
        book.listings[0].runs[0].quick = vec!["-c".to_owned(), script.to_owned()];
        let session = Session::new(&book, Stop::default());
        let program = Program::Example("exercise_first".to_owned());
        session.use_program_as("demo", program, "/bin/sh");
        ask(&session, book.exercise("first").expect("it is there"))
    }

    #[test]
    fn the_reader_s_program_is_judged_by_the_claims_of_the_solution() {
        with("echo Main speaks", |session, exercise| {
            let attempt = attempt(session, exercise).expect("it runs");
            assert!(attempt.solves());
            assert_eq!(attempt.held(), (1, 1));
        });
        with("echo silent", |session, exercise| {
            let attempt = attempt(session, exercise).expect("it runs");
            assert!(!attempt.solves());
            assert_eq!(attempt.held(), (0, 1));
        });
    }

    #[test]
    fn a_program_that_fails_is_judged_and_does_not_solve() {
        with("echo Main; exit 3", |session, exercise| {
            let attempt = attempt(session, exercise).expect("it runs");
            assert!(!attempt.solves());
            assert_eq!(attempt.held(), (1, 1));
            assert_eq!(
                attempt.runs[0].faults,
                ["ended with exit code 3, not 0: Main"]
            );
        });
    }

    #[test]
    fn a_starter_is_expected_to_break_a_check_that_has_a_hint() {
        let tried = |script: &str| {
            with(script, |session, exercise| {
                try_starter(session, exercise).expect("it runs")
            })
        };
        assert_eq!(tried("echo silent"), Starter::Helps);
        assert_eq!(tried("echo Main"), Starter::Solves);
        for (script, words) in [
            ("echo Main; exit 3", "no check that it breaks has a hint"),
            ("echo no room; exit 77", "was skipped: no room"),
        ] {
            let Starter::Faulty(found) = tried(script) else {
                panic!("{script} is faulty");
            };
            assert!(found.contains(words), "{found}");
        }
    }
}
