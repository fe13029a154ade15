//! What a run is started with, besides its program.

use std::fs::File;
use std::path::PathBuf;

use anyhow::Result;

use crate::book::listing::{Book, RunRef, Size};
use crate::book::program::Program;
use crate::run::cargo;
use crate::run::stop::Stop;

/// What a run is started with.
#[derive(Debug, Default)]
pub(super) struct Prepared {
    /// Its arguments.
    pub(super) args: Vec<String>,
    /// The variables that it has besides those that every run has.
    pub(super) env: Vec<(String, String)>,
    /// Where cargo builds, if what it says belongs to the run.
    pub(super) built_in: Option<PathBuf>,
    /// Held until the run has ended: nobody else lays the listing out meanwhile.
    _lock: Option<File>,
}

/// What a run is started with, besides its program.
///
/// # Errors
///
/// When a listing cannot be laid out, or `stop` comes first.
pub(super) fn prepare(
    book: &Book,
    run: RunRef<'_>,
    size: Size,
    toolchain: Option<&str>,
    stop: &Stop,
) -> Result<Prepared> {
    let mut prepared = Prepared::default();
    match &run.run.program {
        Program::Cargo(command) => {
            let anew = size == Size::Recorded;
            let cargo = cargo::invocation(book, run, command, toolchain, anew, stop)?;
            prepared.args = cargo.args;
            if !run.run.args(size).is_empty() {
                prepared.args.push("--".to_owned());
            }
            prepared.env = cargo.env;
            prepared.built_in = Some(cargo.built_in);
            prepared._lock = cargo.lock;
        }
        Program::Command(words) => prepared.args.extend(words.iter().skip(1).cloned()),
        Program::Main | Program::Bin(_) | Program::Example(_) => {}
    }
    prepared.args.extend(run.run.args(size).iter().cloned());
    // What the author says counts before what the tool says, and what its user asks for last.
    prepared.env.extend(run.run.env.iter().cloned());
    if let Some(toolchain) = toolchain {
        let variable = ("RUSTUP_TOOLCHAIN".to_owned(), toolchain.to_owned());
        prepared.env.push(variable);
    }
    Ok(prepared)
}
