//! `mdbook-live run`: one run, next to its record.

use std::io::Write;

use anyhow::{Result, bail};

use super::account;
use super::exit_status::ExitStatus;
use super::selection::chosen;
use super::terminal::Terminal;
use crate::book::claim::Claim;
use crate::book::listing::{RunRef, Size};
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
    let run = chosen(book, &[name.to_owned()])?[0];
    writeln!(out, "{}: {}", terminal.strong(name), run.run.caption)?;
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
    let memory = match size {
        Size::Recorded => run.run.memory,
        Size::Quick => book.quick_run_needs_memory(run),
    };
    let result = session.run(run, size, memory, &mut |_| {})?;
    let judged = session.judge(run, size, &result, record.as_ref());
    if session.stop.is_requested() {
        bail!("stopped");
    }
    let agreement = judged.agreement.as_ref();
    show(
        run,
        size,
        &result,
        record.as_ref(),
        agreement,
        terminal,
        out,
    )?;

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

/// What the run printed, and what its record has, where there is one.
fn show(
    run: RunRef<'_>,
    size: Size,
    result: &RunResult,
    record: Option<&Record>,
    agreement: Option<&Agreement>,
    terminal: Terminal,
    out: &mut dyn Write,
) -> Result<()> {
    let size = match size {
        Size::Quick => "quick size",
        Size::Recorded => "recorded size",
    };
    let live_heading = format!("Live, {size}, {:.2} s", result.seconds);
    if let Some(record) = record {
        let table = terminal.compare(
            (&heading(record), &record.lines),
            (&live_heading, &result.lines),
            &run.run.varies,
            agreement.unwrap_or(&Agreement::default()),
        );
        writeln!(out, "{table}")?;
    } else {
        writeln!(out, "{}", terminal.strong(&live_heading))?;
        for line in &result.lines {
            writeln!(out, "{}", terminal.styled_line(&line.styled))?;
        }
        writeln!(out, "\n{}", terminal.warning("! not recorded yet"))?;
    }
    Ok(())
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
