//! `mdbook-live build`.

use std::io::Write;
use std::path::Path;

use anyhow::Result;

use super::exit_status::ExitStatus;
use super::terminal::Terminal;
use crate::run::session::Session;
use crate::verbs::build::{self, Solutions};
use crate::verbs::paper::make::Paper;

/// The files that are asked for beside the pages.
pub(super) fn papers(pdf: bool, epub: bool) -> Vec<Paper> {
    let asked = [(pdf, Paper::Pdf), (epub, Paper::Epub)];
    let asked = asked.into_iter().filter(|(asked, _)| *asked);
    asked.map(|(_, paper)| paper).collect()
}

pub(super) fn build(
    root: &Path,
    dest: Option<&Path>,
    papers: &[Paper],
    solutions: Solutions,
) -> Result<ExitStatus> {
    let built = build::build_with(root, dest, papers, solutions)?;
    println!("Built {}", built.display());
    Ok(ExitStatus::Success)
}

pub(super) fn build_live(
    session: &Session<'_>,
    dest: Option<&Path>,
    papers: &[Paper],
    terminal: Terminal,
    out: &mut dyn Write,
) -> Result<ExitStatus> {
    let (built, failed) =
        build::build_live(session, dest, papers, &|run| eprintln!("Running {run}"))?;
    writeln!(out, "Built {}", built.display())?;
    for fault in &failed {
        writeln!(out, "{} {fault}", terminal.bad("✘"))?;
    }
    Ok(ExitStatus::of(failed.is_empty()))
}
