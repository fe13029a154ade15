//! `mdbook-live record`.

use std::io::Write;

use anyhow::Result;

use super::exit_status::ExitStatus;
use super::selection::{chosen, left_out};
use super::terminal::Terminal;
use crate::book::listing::{Book, Size};
use crate::run::session::Session;
use crate::text::words::two_digits;
use crate::verbs::record::{self, BesideOld, Progress, RecordOptions, Recorded};

pub(super) fn record(
    session: &Session<'_>,
    names: &[String],
    how: RecordOptions,
    terminal: Terminal,
    out: &mut dyn Write,
) -> Result<ExitStatus> {
    let book = session.book;
    let runs = chosen(book, names)?;
    let mut found = ExitStatus::Success;
    for series in record::series(book, &runs) {
        // The runs' output as it comes; where it cannot be shown it is recorded all the same.
        let recorded = record::record(session, &series, how, &mut |progress| {
            let shown = match progress {
                Progress::Begins { run, nth, of } => {
                    let which = match nth {
                        0 => "warm-up".to_owned(),
                        nth => format!("{nth} of {of}"),
                    };
                    let command = run.command(Size::Recorded);
                    terminal.strong(&format!("{} ({which}): {command}", run.full_name()))
                }
                Progress::Prints(line) => terminal.styled_line(&line.styled),
            };
            let _ = writeln!(out, "{shown}").and_then(|()| out.flush());
        })?;
        for recorded in recorded {
            if !recorded.faults.is_empty() {
                found = ExitStatus::Failure;
            }
            show(book, &recorded, terminal, out)?;
        }
    }
    for left in left_out(book, names) {
        writeln!(out, "{left}")?;
    }
    Ok(found)
}

/// What became of a recording: its figures beside those of the record before, what is wrong
/// with it, and whether it was written.
fn show(
    book: &Book,
    recorded: &Recorded<'_>,
    terminal: Terminal,
    out: &mut dyn Write,
) -> Result<()> {
    writeln!(out, "{}", terminal.strong(&recorded.run.full_name()))?;
    for figure in &recorded.figures {
        writeln!(out, "    {}", in_words(figure))?;
    }
    for fault in &recorded.faults {
        writeln!(out, "{}", terminal.bad(&format!("✘ {fault}")))?;
    }
    for warning in &recorded.warnings {
        writeln!(out, "{}", terminal.warning(&format!("warning: {warning}")))?;
    }
    let path = recorded.run.record_path(Size::Recorded);
    let shown = book.relative(&path).display();
    let words = match (&recorded.skipped, recorded.written) {
        (Some(why), _) => terminal.warning(&format!("not recorded, skipped: {why}")),
        (None, true) => terminal.good(&format!("✔ recorded in {shown}")),
        (None, false) => {
            let kept = if path.exists() {
                format!(", {shown} stays as it was")
            } else {
                String::new()
            };
            let ended = recorded.faults.iter().find_map(|fault| {
                let code = fault.strip_prefix("ended with exit code ")?;
                code.split(',').next()
            });
            let advice = match ended {
                Some(code) => format!("; if that is right, say `status = {code}` in runs.toml"),
                None => String::new(),
            };
            terminal.bad(&format!(
                "✘ not recorded{kept}{advice}; --keep-broken writes it all the same"
            ))
        }
    };
    writeln!(out, "{words}\n")?;
    Ok(out.flush()?)
}

/// `total_time_s: 0.26 s, before 0.31 s (0.84 times)`
fn in_words(figure: &BesideOld) -> String {
    let BesideOld { name, old, new } = figure;
    match old {
        None => format!("{name}: {new}"),
        Some(old) if old.value == new.value => format!("{name}: {new}, as before"),
        Some(old) if old.value == 0.0 => format!("{name}: {new}, before {old}"),
        Some(old) => {
            let times = two_digits(new.value / old.value);
            format!("{name}: {new}, before {old} ({times} times)")
        }
    }
}
