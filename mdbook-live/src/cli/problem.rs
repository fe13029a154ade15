//! `mdbook-live exercise --seed`: a fresh program, and its answer.

use std::io::Write;

use anyhow::Result;

use super::account;
use super::exercise::named;
use super::exit_status::{ExitStatus, UsageError};
use super::terminal::Terminal;
use crate::book::exercises::ExerciseRef;
use crate::run::session::Session;
use crate::verbs::problem::{self, Seed};

/// Writes the program of a seed, and asks about it.
pub(super) fn ask(
    session: &Session<'_>,
    name: &str,
    seed: u64,
    level: Option<u8>,
    terminal: Terminal,
    out: &mut dyn Write,
) -> Result<ExitStatus> {
    let (exercise, seed) = drawn(session, name, seed, level)?;
    let problem = problem::write(session, exercise, seed)?;
    let file = session.book.relative(&problem.file).display().to_string();
    let head = format!("{}, {seed}", exercise.full_name());
    writeln!(
        out,
        "{}: {}",
        terminal.strong(&head),
        exercise.exercise.title
    )?;
    writeln!(out, "{}\n", terminal.faint(&file))?;
    for line in &problem.question {
        writeln!(out, "{}", terminal.styled_line(&line.styled))?;
    }
    let tool = &session.book.config.tool;
    let level = match seed.level {
        level if level == exercise.exercise.level => String::new(),
        level => format!(" --level {level}"),
    };
    writeln!(
        out,
        "\nWrite your answer down, then: {tool} exercise {} --seed {}{level} --answer",
        exercise.full_name(),
        seed.number
    )?;
    Ok(ExitStatus::Success)
}

/// Runs the program of a seed, and tells what is right.
pub(super) fn answer(
    session: &Session<'_>,
    name: &str,
    seed: u64,
    level: Option<u8>,
    terminal: Terminal,
    out: &mut dyn Write,
) -> Result<ExitStatus> {
    let (exercise, seed) = drawn(session, name, seed, level)?;
    let answer = problem::answer(session, exercise, seed)?;
    writeln!(out, "{}", terminal.strong(&answer.command))?;
    for line in &answer.result.lines {
        writeln!(out, "    {}", terminal.styled_line(&line.styled))?;
    }
    let result = &answer.result;
    match result.observation.account() {
        Some(account) => {
            let shown = account::shown(account, result.seconds, terminal);
            writeln!(out, "\n{shown}\n")?;
        }
        None => writeln!(out)?,
    }
    for line in &answer.told {
        writeln!(out, "{}", terminal.styled_line(&line.styled))?;
    }
    writeln!(out)?;
    for line in &answer.judged {
        let words = line.text();
        if answer.possible {
            writeln!(out, "{} {words}", terminal.good("✔"))?;
        } else {
            writeln!(out, "{} {words}", terminal.bad("✘"))?;
        }
    }
    Ok(ExitStatus::of(answer.possible))
}

/// The exercise of that name, which is made anew for each seed, and which of it is asked for.
fn drawn<'b>(
    session: &Session<'b>,
    name: &str,
    seed: u64,
    level: Option<u8>,
) -> Result<(ExerciseRef<'b>, Seed)> {
    let exercise = named(session.book, name)?;
    if !exercise.exercise.runs().is_empty() {
        let message = format!("{name} is the same for everyone; expected it without --seed");
        return Err(UsageError(message).into());
    }
    let seed = Seed {
        number: seed,
        level: level.unwrap_or(exercise.exercise.level),
    };
    Ok((exercise, seed))
}
