//! `mdbook-live record`.

use std::io::Write;

use anyhow::Result;

use super::exit_status::ExitStatus;
use super::selection::chosen;
use super::terminal::Terminal;
use crate::book::listing::Size;
use crate::run::session::Session;
use crate::verbs::record::{self, RecordOptions};

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
    for run in &runs {
        let name = run.full_name();
        writeln!(
            out,
            "{}",
            terminal.strong(&format!("{name}: {}", run.command(Size::Recorded)))
        )?;
        out.flush()?;
        // The run's output as it comes; where it cannot be shown it is recorded all the same.
        let recorded = record::record(session, *run, how, &mut |line| {
            let shown = terminal.styled_line(&line.styled);
            let _ = writeln!(out, "{shown}").and_then(|()| out.flush());
        });
        let recorded = match recorded {
            Ok(recorded) => recorded,
            Err(error) if session.stop.is_requested() => return Err(error),
            Err(error) => {
                found = ExitStatus::Failure;
                writeln!(
                    out,
                    "{}\n",
                    terminal.bad(&format!("✘ not recorded: {error:#}"))
                )?;
                continue;
            }
        };
        for fault in &recorded.faults {
            found = ExitStatus::Failure;
            writeln!(out, "{}", terminal.bad(&format!("✘ {fault}")))?;
        }
        for warning in &recorded.warnings {
            writeln!(out, "{}", terminal.warning(&format!("warning: {warning}")))?;
        }
        let path = run.record_path(Size::Recorded);
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
                let words = format!("✘ not recorded{kept}; --keep-broken writes it all the same");
                terminal.bad(&words)
            }
        };
        writeln!(out, "{words}\n")?;
    }
    Ok(found)
}
