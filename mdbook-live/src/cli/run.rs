//! `mdbook-live run`: one run, next to its record.

use std::io::Write;

use anyhow::{Result, bail};

use super::account;
use super::exit_status::{ExitStatus, UsageError};
use super::json::{self, Answer, Compared, JudgedClaim, MadeRun, PrintedLine};
use super::selection::chosen;
use super::terminal::Terminal;
use crate::book::claim::Claim;
use crate::book::listing::{Book, RunRef, Size};
use crate::judge::agreement::Agreement;
use crate::judge::checks::Judgement;
use crate::record::cast::{HostCard, Record};
use crate::record::result::RunResult;
use crate::run::session::Session;
use crate::text::words::{amount, counted};

/// Makes the run, and shows it next to its record with the verdicts of its claims.
pub(super) fn run(
    session: &Session<'_>,
    name: &str,
    size: Size,
    terminal: Terminal,
    out: &mut dyn Write,
) -> Result<ExitStatus> {
    let book = session.book;
    let run = only(book, name)?;
    let title = terminal.strong(&run.full_name());
    match &*run.run.caption {
        "" => writeln!(out, "{title}")?,
        caption => writeln!(out, "{title}: {caption}")?,
    }
    let command = format!(
        "in {}: {}",
        book.relative(&run.listing.dir).display(),
        run.command(size)
    );
    writeln!(out, "{}", terminal.faint(&command))?;
    if let Some(limit) = run.run.data_limit {
        let words = format!("with at most {} of private memory a process", amount(limit));
        writeln!(out, "{}", terminal.faint(&words))?;
    }
    writeln!(out)?;
    out.flush()?;

    let record = Record::load(run, size)?;
    let memory = book.samples_memory(run, size);
    let result = session.run(run, size, memory, &mut |_| {})?;
    let judged = session.judge(run, size, &result, record.as_ref());
    if session.stop.is_requested() {
        bail!("stopped");
    }
    let agreement = judged.agreement.as_ref();
    let beside = beside_record(run, size, &result, record.as_ref(), agreement, terminal);
    writeln!(out, "{beside}")?;

    if let Some(account) = result.observation.account() {
        writeln!(
            out,
            "{}\n",
            account::shown(account, result.seconds, terminal)
        )?;
    }

    for fault in &judged.faults {
        writeln!(out, "{} {fault}", terminal.bad("✘ the run"))?;
    }
    if let Some(why) = judged.skipped {
        writeln!(out, "{}", terminal.warning(&format!("skipped: {why}")))?;
        return Ok(ExitStatus::Success);
    }
    let mut passes = judged.faults.is_empty();
    if let Some(agreement) = agreement {
        passes &= agreement.agrees();
        let mark = if agreement.agrees() {
            terminal.good("✔")
        } else {
            terminal.bad("✘")
        };
        writeln!(out, "{mark} {}", agreement.words())?;
        for difference in agreement.sentences() {
            writeln!(out, "    {}", terminal.bad(&difference))?;
        }
    }
    if let Some(record) = &record
        && let Some(why) = record.staleness(run, size)?
    {
        let words = format!("! the record is stale: {why}");
        writeln!(out, "{}", terminal.warning(&words))?;
    }
    let mut left = run.run.claims.len();
    for (at, judgement) in &judged.claims {
        if *judgement != Judgement::NeedsRecordedSize {
            left -= 1;
            passes &= show_claim(&run.run.claims[*at], judgement, terminal, out)?;
        }
    }
    if left > 0 {
        let words = format!(
            "{} of the recorded size alone: see check",
            counted(left, "claim")
        );
        writeln!(out, "{}", terminal.faint(&words))?;
    }
    Ok(ExitStatus::of(passes))
}

/// The run of that name: a listing's stands for it where that has one run.
fn only<'b>(book: &'b Book, name: &str) -> Result<RunRef<'b>> {
    let found = chosen(book, &[name.to_owned()])?;
    let names: Vec<String> = found.iter().map(RunRef::full_name).collect();
    match found[..] {
        [run] => Ok(run),
        _ => Err(UsageError(format!(
            "{name} has several runs; expected {}",
            names.join(", ")
        ))
        .into()),
    }
}

/// Makes the run, and answers with all that is known of it.
pub(super) fn in_json(
    session: &Session<'_>,
    name: &str,
    size: Size,
    out: &mut dyn Write,
) -> Result<ExitStatus> {
    let run = only(session.book, name)?;
    let record = Record::load(run, size)?;
    let memory = session.book.samples_memory(run, size);
    let result = session.run(run, size, memory, &mut |_| {})?;
    let judged = session.judge(run, size, &result, record.as_ref());
    if session.stop.is_requested() {
        bail!("stopped");
    }
    let claims = judged.claims.iter();
    let claims = claims.map(|(at, judgement)| (&run.run.claims[*at], judgement));
    let well = claims.clone().all(|(claim, judgement)| match judgement {
        Judgement::Decided(result) => claim.is_as_the_book_says(result),
        _ => true,
    });
    let agreement = judged.agreement.as_ref();
    let passes = well && judged.faults.is_empty() && agreement.is_none_or(Agreement::agrees);
    let claims = claims.map(|(claim, judgement)| JudgedClaim::of(&claim.says, judgement));
    let made = MadeRun {
        run: run.full_name(),
        command: run.command(size),
        seconds: result.seconds,
        exit: result.exit_code(),
        lines: result.lines.iter().map(PrintedLine::of).collect(),
        skipped: judged.skipped.clone(),
        agreement: agreement.map(Compared::of),
        claims: claims.collect(),
        faults: judged.faults.clone(),
    };
    json::write(&Answer::Run(Box::new(made)), out)?;
    Ok(ExitStatus::of(passes))
}

/// What the run printed, beside its record, where there is one.
pub(super) fn beside_record(
    run: RunRef<'_>,
    size: Size,
    result: &RunResult,
    record: Option<&Record>,
    agreement: Option<&Agreement>,
    terminal: Terminal,
) -> String {
    let size = match size {
        _ if run.has_one_size() => "",
        Size::Quick => "quick size, ",
        Size::Recorded => "recorded size, ",
    };
    let live_heading = format!("Live, {size}{:.2} s", result.seconds);
    match record {
        Some(record) => terminal.compare(
            (&heading(record), &record.lines),
            (&live_heading, &result.lines),
            &run.run.varies,
            agreement.unwrap_or(&Agreement::default()),
        ),
        None => {
            let lines = result.lines.iter();
            let lines = lines.map(|line| format!("{}\n", terminal.styled_line(&line.styled)));
            let lines: String = lines.collect();
            let heading = terminal.strong(&live_heading);
            let new = terminal.warning("! not recorded yet");
            format!("{heading}\n{lines}\n{new}")
        }
    }
}

/// A claim with its verdict; whether it came out as the book says.
fn show_claim(
    claim: &Claim,
    judgement: &Judgement,
    terminal: Terminal,
    out: &mut dyn Write,
) -> Result<bool> {
    let (mark, seen, passes) = match judgement {
        Judgement::Decided(result) => {
            let mark = if result.holds {
                terminal.good("✔ holds")
            } else {
                terminal.bad("✘ does not hold")
            };
            let passes = claim.is_as_the_book_says(result);
            (mark, format!("seen: {}", result.seen), passes)
        }
        other => {
            let why = other.why_not().unwrap_or_default().to_owned();
            (terminal.warning("! not judged"), why, true)
        }
    };
    let by = if claim.is_of_reference() {
        "of the reference"
    } else {
        "the book says"
    };
    writeln!(out, "{mark}: {} ({by})", claim.says)?;
    let note = claim.note.iter().map(|note| format!("; {note}"));
    writeln!(out, "    {seen}{}", note.collect::<String>())?;
    Ok(passes)
}

/// When and where a record was made.
fn heading(record: &Record) -> String {
    if let Some(file) = &record.header.live.imported {
        return format!("Imported from {file}");
    }
    let HostCard {
        cpu,
        cores,
        memory_mib,
        ..
    } = &record.header.live.host;
    format!(
        "Recorded {}, {cpu}, {}, {memory_mib} MiB, {:.2} s",
        record.header.date(),
        counted(*cores, "core"),
        record.header.duration
    )
}
