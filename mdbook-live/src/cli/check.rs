//! `mdbook-live check`.

use std::io::Write;

use anyhow::Result;

use super::exit_status::{ExitStatus, UsageError};
use super::json::{self, Answer, CheckedRun, Form, Outcome};
use super::selection::{chosen, left_out, name_width};
use super::terminal::Terminal;
use crate::book::listing::RunRef;
use crate::run::host;
use crate::run::session::Session;
use crate::text::words::counted;
use crate::verbs::check::{Checker, Report};
use crate::verbs::pages::{self, Pages};

/// How runs are checked.
#[derive(Debug, Clone, Copy)]
pub(super) struct CheckOptions {
    /// Whether it is asked if the claims have been seen to fail.
    pub(super) counter_runs: bool,
    /// Whether a warning fails.
    pub(super) strict: bool,
    /// How the answer is written.
    pub(super) form: Form,
}

pub(super) fn check(
    session: &Session<'_>,
    names: &[String],
    how: CheckOptions,
    terminal: Terminal,
    out: &mut dyn Write,
) -> Result<ExitStatus> {
    let runs = chosen(session.book, names)?;
    if let Some(toolchain) = session.toolchain() {
        // Once, and not of every run.
        host::rustc(&session.book.root, Some(toolchain)).map_err(|_| {
            UsageError(format!(
                "no compiler `{toolchain}`; expected rustup, and a name that `rustup toolchain list` shows"
            ))
        })?;
    }
    let width = name_width(&runs);
    let mut checker = Checker::new(session);
    let mut checked = Vec::new();
    for run in &runs {
        let mut report = if how.counter_runs {
            checker.check(*run)?
        } else {
            checker.check_claims(*run)?
        };
        if how.strict {
            report.be_strict();
        }
        if how.form == Form::Words {
            show(*run, &report, width, terminal, out)?;
        }
        checked.push(told(*run, report));
    }
    let count = |outcome| checked.iter().filter(|run| run.outcome == outcome).count();
    let (passed, skipped) = (count(Outcome::Passed), count(Outcome::Skipped));
    let failed = count(Outcome::Failed);
    let rustc = host::rustc(&session.book.root, session.toolchain()).ok();
    // Of the whole book: its pages, too, as far as nothing has to be run for them.
    let pages = if names.is_empty() {
        pages::look(session.book).unwrap_or_else(|error| Pages {
            problems: vec![format!("{error:#}")],
            ..Pages::default()
        })
    } else {
        Pages::default()
    };
    let well = failed == 0 && pages.problems.is_empty();
    match how.form {
        Form::Json => {
            let answer = Answer::Check {
                rustc,
                passed,
                skipped,
                failed,
                runs: checked,
                pages: pages.problems,
                not_shown: pages.not_shown,
            };
            json::write(&answer, out)?;
        }
        Form::Words => {
            for problem in &pages.problems {
                writeln!(out, "{} {problem}", terminal.bad("✘"))?;
            }
            let mut summary = format!("{}: {passed} passed", counted(runs.len(), "run"));
            if skipped > 0 {
                summary += &format!(", {skipped} skipped");
            }
            if failed > 0 {
                summary += &format!(", {failed} failed");
            }
            if session.toolchain().is_some()
                && let Some(rustc) = rustc
            {
                summary += &format!(", by {rustc}");
            }
            if !pages.problems.is_empty() {
                let problems = counted(pages.problems.len(), "problem");
                summary += &format!("; {problems} in the pages");
            }
            writeln!(out, "{summary}")?;
            if !pages.not_shown.is_empty() {
                let words = format!("no page shows {}", pages.not_shown.join(", "));
                writeln!(out, "{}", terminal.faint(&words))?;
            }
            if session.toolchain().is_some() && failed > 0 {
                writeln!(out, "Failed with this compiler:")?;
                let changed = checked.iter().filter(|run| run.outcome == Outcome::Failed);
                for run in changed {
                    writeln!(out, "    {}", run.run)?;
                }
            }
            for left in left_out(session.book, names) {
                writeln!(out, "{left}")?;
            }
        }
    }
    Ok(ExitStatus::of(well))
}

/// A report in one line, and what is wrong in further ones.
fn show(
    run: RunRef<'_>,
    report: &Report,
    width: usize,
    terminal: Terminal,
    out: &mut dyn Write,
) -> Result<()> {
    let mark = match outcome(report) {
        Outcome::Failed => terminal.bad("✘"),
        Outcome::Skipped => terminal.warning("-"),
        Outcome::Passed => terminal.good("✔"),
    };
    let name = run.full_name();
    writeln!(out, "{mark} {name:width$}  {}", in_words(report))?;
    for fault in &report.faults {
        writeln!(out, "    {}", terminal.bad(fault))?;
    }
    for warning in &report.warnings {
        let words = format!("warning: {warning}");
        writeln!(out, "    {}", terminal.warning(&words))?;
    }
    Ok(out.flush()?)
}

fn outcome(report: &Report) -> Outcome {
    if !report.faults.is_empty() {
        Outcome::Failed
    } else if report.skipped.is_some() {
        Outcome::Skipped
    } else {
        Outcome::Passed
    }
}

fn told(run: RunRef<'_>, report: Report) -> CheckedRun {
    CheckedRun {
        run: run.full_name(),
        outcome: outcome(&report),
        seconds: report.seconds,
        skipped: report.skipped,
        compared: report.compared,
        claims_held: report.claims_held,
        faults: report.faults,
        warnings: report.warnings,
    }
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
        if report.claims_held > 0 {
            words.push(format!("{} held", counted(report.claims_held, "check")));
        } else if !report.compared {
            words.push("nothing to compare it with, and no claim".to_owned());
        }
        if report.of_reference_held > 0 {
            words.push(format!("{} of the reference", report.of_reference_held));
        }
    }
    words.join(", ")
}
