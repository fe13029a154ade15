//! Exercises that are made anew for each seed: a program of the listing writes the reader's
//! program, asks about it, and knows what it can print.
//!
//! The generator answers to `--seed N` and a word: `program` prints the program, `question`
//! what is asked, `answer` what is right, and `verify` judges what it reads from standard
//! input, what the program printed: it ends with 0 where that is possible, and else with 1 and a line that says what is not.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::book::exercise::Kind;
use crate::book::exercises::ExerciseRef;
use crate::book::listing::{Run, RunRef, Size};
use crate::book::program::Program;
use crate::book::varies::Varies;
use crate::record::files::{Replacement, read_if_there};
use crate::record::line::Line;
use crate::record::result::{Exit, RunResult};
use crate::run::session::Session;

/// How long a generator and its program may take.
const LIMIT: Duration = Duration::from_secs(60);

/// Which fresh program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed {
    /// What it is drawn by.
    pub number: u64,
    /// How hard it is, as levels of exercises are.
    pub level: u8,
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}, level {}", self.number, self.level)
    }
}

/// A fresh program, and what is asked about it.
#[derive(Debug, Clone)]
pub struct Problem {
    /// The program's file.
    pub file: PathBuf,
    /// What is asked, in the generator's words.
    pub question: Vec<Line>,
}

/// What a fresh program does, and what is said of it.
#[derive(Debug)]
pub struct Answer {
    /// What a reader types in the listing's folder to run the program.
    pub command: String,
    /// What the program did.
    pub result: RunResult,
    /// The right answer, in the generator's words.
    pub told: Vec<Line>,
    /// What the generator says of what the program printed.
    pub judged: Vec<Line>,
    /// Whether the program can print that, as the generator understands it.
    pub possible: bool,
}

/// Writes the program of that seed, where it is not there yet.
///
/// # Errors
///
/// When the exercise has no generator, the generator does not build or fails, or the file is
/// there and is another than that of the seed.
pub fn write(session: &Session<'_>, exercise: ExerciseRef<'_>, seed: Seed) -> Result<Problem> {
    let file = exercise
        .listing
        .dir
        .join(program_of(exercise, seed).source());
    let program = text(&ask(session, exercise, seed, "program")?);
    match read_if_there(&file)? {
        Some(known) if known == program => {}
        Some(_) => bail!(
            "{} is not the program of {seed} any more; expected it as it was, or no such file",
            session.book.relative(&file).display()
        ),
        None => Replacement::of(&file, &program)?.take_its_place()?,
    }
    Ok(Problem {
        file,
        question: ask(session, exercise, seed, "question")?,
    })
}

/// Runs the program of that seed, and asks the generator what is right.
///
/// # Errors
///
/// As [`write`], and when the program does not build or does not end by itself.
pub fn answer(session: &Session<'_>, exercise: ExerciseRef<'_>, seed: Seed) -> Result<Answer> {
    write(session, exercise, seed)?;
    let run = run_of(program_of(exercise, seed), Vec::new());
    let run = RunRef {
        listing: exercise.listing,
        run: &run,
    };
    let result = session.run_observed(run)?;
    if session.stop.is_requested() {
        bail!("stopped");
    }
    if let Some(fault) = result.faults(0).first() {
        bail!("the program {fault}");
    }
    let printed = tempfile::NamedTempFile::new().context("making a file for what was printed")?;
    std::fs::write(printed.path(), text(&result.lines))
        .with_context(|| format!("writing {}", printed.path().display()))?;
    let told = ask(session, exercise, seed, "answer")?;
    let judged = generator(session, exercise, seed, "verify", Some(printed.path()))?;
    Ok(Answer {
        command: run.command(Size::Quick),
        result,
        told,
        possible: matches!(judged.end, Exit::Exited(0)),
        judged: judged.lines,
    })
}

/// What the generator says, where it says it.
fn ask(
    session: &Session<'_>,
    exercise: ExerciseRef<'_>,
    seed: Seed,
    word: &str,
) -> Result<Vec<Line>> {
    let result = generator(session, exercise, seed, word, None)?;
    match result.faults(0).first() {
        None => Ok(result.lines),
        Some(fault) => bail!("the generator of {} {fault}", exercise.full_name()),
    }
}

fn generator(
    session: &Session<'_>,
    exercise: ExerciseRef<'_>,
    seed: Seed,
    word: &str,
    input: Option<&Path>,
) -> Result<RunResult> {
    let Kind::Generated { generator } = &exercise.exercise.kind else {
        bail!(
            "{} is the same for everyone; expected it without --seed",
            exercise.full_name()
        );
    };
    let Seed { number, level } = seed;
    let args = [
        "--seed",
        &number.to_string(),
        "--level",
        &level.to_string(),
        word,
    ];
    let args = args.map(str::to_owned).to_vec();
    let run = run_of(Program::Bin(generator.clone()), args);
    let run = RunRef {
        listing: exercise.listing,
        run: &run,
    };
    let result = session.run_on(run, input)?;
    if session.stop.is_requested() {
        bail!("stopped");
    }
    Ok(result)
}

/// The program of that seed: one of another level than the exercise's own has a name of its own.
fn program_of(exercise: ExerciseRef<'_>, seed: Seed) -> Program {
    match exercise.program(Some(seed.number)) {
        Program::Example(name) if seed.level != exercise.exercise.level => {
            Program::Example(format!("{name}_level_{}", seed.level))
        }
        own => own,
    }
}

/// A run of a program that no `runs.toml` tells of.
fn run_of(program: Program, args: Vec<String>) -> Run {
    Run {
        name: program.source().display().to_string(),
        program,
        package: None,
        caption: String::new(),
        env: Vec::new(),
        env_of_book: Vec::new(),
        stdin: None,
        ends: None,
        client: None,
        text: None,
        varies: Varies::default(),
        quick: args.clone(),
        args,
        timeout: LIMIT,
        quick_timeout: LIMIT,
        rank_by: String::new(),
        once: true,
        unordered: false,
        memory: false,
        data_limit: None,
        status: 0,
        claims: Vec::new(),
    }
}

/// Lines as a file has them.
fn text(lines: &[Line]) -> String {
    lines
        .iter()
        .map(|line| format!("{}\n", line.text()))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::*;
    use crate::book::exercises::tests::told;
    use crate::run::stop::Stop;

    const EXERCISE: &str = "[[exercise]]\nname = 'a-deal'\ntitle = 'A deal'\nlevel = 2\n\
                            minutes = 5\ngenerator = 'deal'\n";

    const SEED: Seed = Seed {
        number: 7,
        level: 2,
    };

    /// Deals a program that prints its seed.
    const GENERATOR: &str = "#!/bin/sh\ncase $5 in\nprogram) echo \"// prints $2\";;\n\
                             question) echo 'What does it print?';;\nanswer) echo \"It prints $2.\";;\n\
                             verify) read line; [ \"$line\" = $2 ] && echo possible || \
                             { echo \"$line is not possible\"; exit 1; };;\nesac\n";

    fn script(dir: &Path, name: &str, text: &str) -> String {
        let path = dir.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path.display().to_string()
    }

    /// Asks where the program of seed 7 is a script that prints this.
    fn with<T>(prints: &str, ask: impl FnOnce(&Session<'_>, ExerciseRef<'_>) -> T) -> T {
        let (dir, book) = told(EXERCISE);
        let book = book.unwrap();
        let session = Session::new(&book, Stop::default());
        let generator = script(dir.path(), "generator", GENERATOR);
        session.use_program_as("demo", Program::Bin("deal".into()), &generator);
        let program = script(
            dir.path(),
            "program",
            &format!("#!/bin/sh\necho {prints}\n"),
        );
        session.use_program_as("demo", Program::Example("a_deal_7".into()), &program);
        ask(&session, book.exercise("a-deal").unwrap())
    }

    #[test]
    fn a_seed_s_program_is_written_once_and_a_changed_one_stays() {
        with("7", |session, exercise| {
            let problem = write(session, exercise, SEED).unwrap();
            assert!(problem.file.ends_with("demo/examples/a_deal_7.rs"));
            assert_eq!(fs::read_to_string(&problem.file).unwrap(), "// prints 7\n");
            assert_eq!(text(&problem.question), "What does it print?\n");
            write(session, exercise, SEED).unwrap();
            fs::write(&problem.file, "// mine\n").unwrap();
            let error = write(session, exercise, SEED).unwrap_err().to_string();
            assert!(
                error.ends_with("expected it as it was, or no such file"),
                "{error}"
            );
            assert_eq!(fs::read_to_string(&problem.file).unwrap(), "// mine\n");
        });
    }

    #[test]
    fn the_answer_is_the_generator_s_and_the_run_is_judged_by_it() {
        with("7", |session, exercise| {
            let answer = answer(session, exercise, SEED).unwrap();
            assert!(answer.possible);
            assert_eq!(text(&answer.result.lines), "7\n");
            assert_eq!(text(&answer.told), "It prints 7.\n");
            assert_eq!(text(&answer.judged), "possible\n");
        });
        with("8", |session, exercise| {
            let answer = answer(session, exercise, SEED).unwrap();
            assert!(!answer.possible);
            assert_eq!(text(&answer.judged), "8 is not possible\n");
        });
    }
}
