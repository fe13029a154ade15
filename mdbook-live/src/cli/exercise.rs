//! `mdbook-live exercise`: a reader's version of a program, judged; and how far the reader is.

use std::io::Write;
use std::path::Path;

use anyhow::Result;
use serde_json::json;

use super::account;
use super::exit_status::{ExitStatus, UsageError};
use super::json::Form;
use super::terminal::Terminal;
use crate::book::exercise::Kind;
use crate::book::exercises::ExerciseRef;
use crate::book::listing::Book;
use crate::judge::checks::Judgement;
use crate::page::exercise::stars;
use crate::record::progress::{Latest, Progress};
use crate::run::session::Session;
use crate::text::words::counted;
use crate::verbs::exercise::{self, Attempt, AttemptedRun, holds};
use crate::verbs::pack;

/// The exercise of that name.
pub(super) fn named<'b>(book: &'b Book, name: &str) -> Result<ExerciseRef<'b>> {
    let found = book.exercise(name);
    found.map_err(|error| UsageError(format!("{error:#}")).into())
}

/// Judges the reader's version of an exercise.
pub(super) fn attempt(
    session: &Session<'_>,
    name: &str,
    form: Form,
    terminal: Terminal,
    out: &mut dyn Write,
) -> Result<ExitStatus> {
    let book = session.book;
    let found = named(book, name)?;
    if found.exercise.runs().is_empty() {
        let message = format!("{name} is made anew for each seed; expected --seed N");
        return Err(UsageError(message).into());
    }
    let name = found.full_name();
    if form == Form::Words {
        let file = book.relative(&found.starter()).display().to_string();
        writeln!(out, "{}: {}", terminal.strong(&name), found.exercise.title)?;
        writeln!(out, "{}\n", terminal.faint(&file))?;
        out.flush()?;
    }
    let attempt = exercise::attempt(session, found)?;
    let (held, of) = attempt.held();
    let solved = attempt.solves();
    Progress::keep(&book.root, &name, Latest { solved, held, of })?;
    match form {
        Form::Words => in_words(&attempt, terminal, out)?,
        Form::Json => {
            let runs = attempt.runs.iter().map(|run| {
                json!({
                    "command": run.command,
                    "skipped": run.skipped,
                    "faults": run.faults,
                    "account": run.result.observation.account(),
                    "checks": run.checks.iter().map(|(claim, judgement)| {
                        let (seen, decided) = seen(judgement);
                        let holds = holds(claim, judgement);
                        json!({
                            "says": claim.says,
                            "holds": holds,
                            "decided": decided,
                            "seen": seen,
                            "hint": claim.hint.as_ref().filter(|_| !holds),
                        })
                    }).collect::<Vec<_>>(),
                })
            });
            let runs: Vec<_> = runs.collect();
            let all = json!({
                "exercise": name,
                "solved": solved,
                "held": held,
                "of": of,
                "runs": runs,
            });
            writeln!(out, "{}", serde_json::to_string_pretty(&all)?)?;
        }
    }
    Ok(ExitStatus::of(solved))
}

/// What a verdict saw, and whether there is one.
fn seen(judgement: &Judgement) -> (&str, bool) {
    match judgement {
        Judgement::Decided(found) => (&found.seen, true),
        other => (other.why_not().unwrap_or_default(), false),
    }
}

fn in_words(attempt: &Attempt<'_>, terminal: Terminal, out: &mut dyn Write) -> Result<()> {
    for run in &attempt.runs {
        run_in_words(run, terminal, out)?;
    }
    let (held, of) = attempt.held();
    let checks = counted(of, "check");
    if attempt.solves() {
        writeln!(out, "{} {checks} held", terminal.good("✔ solved:"))?;
    } else {
        let words = format!("✘ not solved yet: {held} of {checks} held");
        writeln!(out, "{}", terminal.bad(&words))?;
    }
    Ok(())
}

fn run_in_words(run: &AttemptedRun<'_>, terminal: Terminal, out: &mut dyn Write) -> Result<()> {
    writeln!(out, "{}", terminal.strong(&run.command))?;
    for line in &run.result.lines {
        writeln!(out, "    {}", terminal.styled_line(&line.styled))?;
    }
    if let Some(account) = run.result.observation.account() {
        let shown = account::shown(account, run.result.seconds, terminal);
        writeln!(out, "\n{shown}\n")?;
    }
    if let Some(why) = &run.skipped {
        writeln!(out, "{}", terminal.warning(&format!("! skipped: {why}")))?;
    }
    for fault in &run.faults {
        writeln!(out, "{} {fault}", terminal.bad("✘ the program"))?;
    }
    for (claim, judgement) in &run.checks {
        let (seen, decided) = seen(judgement);
        if holds(claim, judgement) {
            writeln!(out, "{} {}", terminal.good("✔"), claim.says)?;
            continue;
        }
        let mark = if decided {
            terminal.bad("✘")
        } else {
            terminal.warning("!")
        };
        writeln!(out, "{mark} {}\n    seen: {seen}", claim.says)?;
        if let Some(hint) = &claim.hint {
            writeln!(out, "    hint: {hint}")?;
        }
    }
    writeln!(out)?;
    Ok(())
}

/// Lists the exercises, with the reader's progress.
pub(super) fn list(
    book: &Book,
    form: Form,
    terminal: Terminal,
    out: &mut dyn Write,
) -> Result<ExitStatus> {
    let progress = Progress::load(&book.root)?;
    let all: Vec<ExerciseRef<'_>> = book.exercises().collect();
    if form == Form::Json {
        let rows = all.iter().map(|found| {
            let exercise = found.exercise;
            let latest = progress.of(&found.full_name());
            json!({
                "exercise": found.full_name(),
                "title": exercise.title,
                "level": exercise.level,
                "minutes": exercise.minutes,
                "generated": exercise.runs().is_empty(),
                "tried": latest.is_some(),
                "solved": latest.is_some_and(|latest| latest.solved),
            })
        });
        let rows: Vec<_> = rows.collect();
        writeln!(out, "{}", serde_json::to_string_pretty(&rows)?)?;
        return Ok(ExitStatus::Success);
    }
    let names = all.iter().map(|found| found.full_name().len());
    let width = names.max().unwrap_or(0);
    for found in &all {
        let name = found.full_name();
        let exercise = found.exercise;
        let (mark, state) = match (progress.of(&name), &exercise.kind) {
            (Some(latest), _) if latest.solved => (terminal.good("✔"), "solved".to_owned()),
            (Some(latest), _) => {
                let state = format!("{} of {} held", latest.held, counted(latest.of, "check"));
                (terminal.bad("✘"), state)
            }
            (None, Kind::Graded { .. }) => (terminal.faint("·"), "not tried yet".to_owned()),
            (None, Kind::Generated { .. }) => (terminal.faint("·"), "by --seed N".to_owned()),
        };
        writeln!(
            out,
            "{mark} {name:width$}  {}  {:2} min  {}  {}",
            stars(exercise.level),
            exercise.minutes,
            exercise.title,
            terminal.faint(&format!("({state})")),
        )?;
    }
    let solved = all.iter().filter(|found| {
        let latest = progress.of(&found.full_name());
        latest.is_some_and(|latest| latest.solved)
    });
    let graded = all.iter().filter(|found| !found.exercise.runs().is_empty());
    writeln!(
        out,
        "{} of {} solved",
        solved.count(),
        counted(graded.count(), "exercise")
    )?;
    Ok(ExitStatus::Success)
}

/// Packs the book's sources without the solutions.
pub(super) fn pack(book: &Book, dest: &Path) -> Result<ExitStatus> {
    let files = pack::pack(book, dest)?;
    println!("Packed {} into {}", counted(files, "file"), dest.display());
    Ok(ExitStatus::Success)
}
