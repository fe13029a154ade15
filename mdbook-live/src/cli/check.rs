//! `mdbook-live check`.

use std::io::Write;

use anyhow::Result;

use super::exit_status::ExitStatus;
use super::selection::{chosen, left_out, name_width};
use super::terminal::Terminal;
use crate::run::session::Session;
use crate::text::words::counted;
use crate::verbs::check::{Checker, Report};

pub(super) fn check(
    session: &Session<'_>,
    names: &[String],
    counter_runs: bool,
    terminal: Terminal,
    out: &mut dyn Write,
) -> Result<ExitStatus> {
    let runs = chosen(session.book, names)?;
    let width = name_width(&runs);
    let (mut passed, mut skipped, mut failed) = (0, 0, 0);
    let mut checker = Checker::new(session);
    for run in &runs {
        let report = if counter_runs {
            checker.check(*run)?
        } else {
            checker.check_claims(*run)?
        };
        let mark = match &report {
            report if !report.faults.is_empty() => {
                failed += 1;
                terminal.bad("✘")
            }
            report if report.skipped.is_some() => {
                skipped += 1;
                terminal.warning("-")
            }
            _ => {
                passed += 1;
                terminal.good("✔")
            }
        };
        writeln!(
            out,
            "{mark} {:width$}  {}",
            run.full_name(),
            in_words(&report)
        )?;
        for fault in &report.faults {
            writeln!(out, "    {}", terminal.bad(fault))?;
        }
        for warning in &report.warnings {
            writeln!(
                out,
                "    {}",
                terminal.warning(&format!("warning: {warning}"))
            )?;
        }
        out.flush()?;
    }
    let mut summary = format!("{}: {passed} passed", counted(runs.len(), "run"));
    if skipped > 0 {
        summary += &format!(", {skipped} skipped");
    }
    if failed > 0 {
        summary += &format!(", {failed} failed");
    }
    writeln!(out, "{summary}")?;
    for left in left_out(session.book, names) {
        writeln!(out, "{left}")?;
    }
    Ok(ExitStatus::of(failed == 0))
}

/// A report's one line, after the run's name.
fn in_words(report: &Report) -> String {
    let mut words = Vec::new();
    if let Some(seconds) = report.seconds {
        words.push(format!("{seconds:.2} s"));
    }
    if let Some(why) = &report.skipped {
        words.push(format!("skipped: {why}"));
    } else if !report.faults.is_empty() {
        words.push("failed".to_owned());
    } else {
        if report.compared {
            words.push("agrees with its record".to_owned());
        }
        words.push(format!("{} held", counted(report.claims_held, "check")));
        if report.of_reference_held > 0 {
            words.push(format!("{} of the reference", report.of_reference_held));
        }
    }
    words.join(", ")
}
