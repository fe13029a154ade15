//! `mdbook-live build`.

use std::io::Write;
use std::path::Path;

use anyhow::Result;

use super::exit_status::ExitStatus;
use super::terminal::Terminal;
use crate::run::session::Session;
use crate::verbs::build;

pub(super) fn build(
    root: &Path,
    dest: Option<&Path>,
    without_solutions: bool,
) -> Result<ExitStatus> {
    let built = if without_solutions {
        build::build_without_solutions(root, dest)?
    } else {
        build::build(root, dest)?
    };
    println!("Built {}", built.display());
    Ok(ExitStatus::Success)
}

pub(super) fn build_live(
    session: &Session<'_>,
    dest: Option<&Path>,
    terminal: Terminal,
    out: &mut dyn Write,
) -> Result<ExitStatus> {
    let (built, failed) = build::build_live(session, dest, &|run| eprintln!("Running {run}"))?;
    writeln!(out, "Built {}", built.display())?;
    for fault in &failed {
        writeln!(out, "{} {fault}", terminal.bad("✘"))?;
    }
    Ok(ExitStatus::of(failed.is_empty()))
}
