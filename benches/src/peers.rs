//! The programs on this machine: found, built, and run on one data file.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use command_line::grouped;
use records::{DataArguments, DataFile, require_memory};
use serde_json::Value;

use crate::measurement::Measurement;
use crate::pairs::{Language, Program};
use crate::running::{Finished, run};

/// A Python interpreter that has NumPy.
pub struct Python {
    interpreter: OsString,
    /// Its version and NumPy's.
    pub versions: String,
}

impl Python {
    /// Asks `interpreter` for its NumPy: the versions, or in one line what is missing
    /// and how to get it.
    ///
    /// # Errors
    ///
    /// Where it cannot even be asked, other than that it is missing.
    pub fn find(interpreter: OsString) -> Result<Result<Self, String>> {
        let name = interpreter.display().to_string();
        let missing = |what: &str| {
            format!(
                "skipped: {what}; `python3 -m venv venv && venv/bin/pip install numpy` \
                 makes a Python with NumPy, PYTHON=venv/bin/python or --python selects it"
            )
        };
        let mut question = Command::new(&interpreter);
        question.args([
            "-c",
            "import platform, numpy; \
             print(f'python {platform.python_version()}, numpy {numpy.__version__}')",
        ]);
        let answer = match run(question) {
            Ok(answer) => answer,
            Err(error) if error.is::<std::io::Error>() => {
                return Ok(Err(missing(&format!("cannot start {name}"))));
            }
            Err(error) => return Err(error.context(format!("cannot ask {name} for NumPy"))),
        };
        if !answer.status.success() {
            return Ok(Err(missing(&format!("{name} cannot import numpy"))));
        }
        Ok(Ok(Self {
            interpreter,
            versions: last_line(&answer.output).to_string(),
        }))
    }
}

/// Everything that a run of a program needs.
pub struct Peers {
    python: Python,
    /// The folder with the Python programs.
    scripts: PathBuf,
    listings: Vec<Listing>,
    data: PathBuf,
    records: usize,
}

/// A built program of the book.
struct Listing {
    name: String,
    executable: PathBuf,
}

impl Peers {
    /// Builds the listings and makes the data file where there is none. `workers` is
    /// the least number of workers that the data will be sent to.
    ///
    /// # Errors
    ///
    /// Where the listings cannot be built, the data cannot be made, holds another
    /// number of records, or would not fit into memory as often as it is held.
    pub fn prepare(
        python: Python,
        records: usize,
        data: Option<PathBuf>,
        workers: usize,
    ) -> Result<Self> {
        let listings = build(&["data-sink", "shared-memory"])?;
        let path = DataArguments {
            records: Some(records),
            workers,
            data,
        }
        .path();
        let mut peers = Self {
            python,
            scripts: Path::new(env!("CARGO_MANIFEST_DIR")).join("python"),
            listings,
            data: path,
            records,
        };
        // Python holds the records, then for each batch under way the pickle, what is
        // read of it, and the copy that nansum makes; with shared memory, two copies
        // and a part.
        require_memory(records, (1.0 + 3.1 / workers as f64).max(2.5))?;
        if !peers.data.exists() {
            let mut generate = Command::new(peers.listing("generate")?);
            generate.args(peers.data_options());
            succeed("generate", generate)?;
        }
        let file = DataFile::open(&peers.data, None)?;
        if file.records() != records {
            bail!(
                "{} holds {} records and the Python programs read all of them: {} were asked for",
                peers.data.display(),
                grouped(file.records()),
                grouped(records)
            );
        }
        peers.data = peers
            .data
            .canonicalize()
            .with_context(|| format!("cannot resolve {}", peers.data.display()))?;
        Ok(peers)
    }

    /// Runs `program` once.
    ///
    /// # Errors
    ///
    /// Where it fails, is interrupted, or prints no figures.
    pub fn measure(&self, program: Program) -> Result<Measurement> {
        let (file, words) = program.command();
        let command = match program.language {
            Language::Python => {
                let mut command = Command::new(&self.python.interpreter);
                command.arg(self.scripts.join(file));
                command.args(words).arg(&self.data);
                command
            }
            Language::Rust => {
                let mut command = Command::new(self.listing(file)?);
                command.args(words).args(self.data_options());
                command
            }
        };
        let name = program.to_string();
        let finished = succeed(&name, command)?;
        Measurement::read(&finished.output, finished.wall)
            .with_context(|| format!("cannot read what {name} measured"))
    }

    fn data_options(&self) -> [OsString; 4] {
        [
            "--records".into(),
            self.records.to_string().into(),
            "--data".into(),
            self.data.clone().into(),
        ]
    }

    fn listing(&self, name: &str) -> Result<&OsStr> {
        let listing = self.listings.iter().find(|listing| listing.name == name);
        match listing {
            Some(listing) => Ok(listing.executable.as_os_str()),
            None => bail!("cargo built no program of the name {name}"),
        }
    }
}

/// Builds `packages` as their readers run them, in the dev profile.
fn build(packages: &[&str]) -> Result<Vec<Listing>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["build", "--message-format=json-render-diagnostics"]);
    for package in packages {
        command.args(["-p", package]);
    }
    let built = succeed("cargo build", command)?;
    let executables = built.output.lines().filter_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        let executable = message.get("executable")?.as_str()?;
        let name = message.get("target")?.get("name")?.as_str()?;
        Some(Listing {
            name: name.to_string(),
            executable: executable.into(),
        })
    });
    Ok(executables.collect())
}

/// Runs `command`, which errors call `name`, and expects that it succeeds.
fn succeed(name: &str, mut command: Command) -> Result<Finished> {
    // What is read here is read by its words.
    command.env_remove("FORCE_COLOR").env("NO_COLOR", "1");
    let finished = run(command).with_context(|| format!("cannot run {name}"))?;
    if !finished.status.success() {
        let said = complaint(&finished.output);
        bail!("{name} failed ({}): {said}", finished.status);
    }
    Ok(finished)
}

/// The line of a failed program's output that says why: a compiler's or a listing's
/// first `error`, else the last line, where Python names the exception.
fn complaint(output: &str) -> &str {
    let error = output.lines().find(|line| line.starts_with("error"));
    error.unwrap_or_else(|| last_line(output))
}

fn last_line(output: &str) -> &str {
    let said = output.lines().rev().map(str::trim).find(|l| !l.is_empty());
    said.unwrap_or("it said nothing")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_says_why_is_found() {
        let python = "Traceback (most recent call last):\n  File \"x.py\"\nValueError: no\n\n";
        assert_eq!(complaint(python), "ValueError: no");
        let cargo = "   Compiling x\nerror[E0308]: mismatched types\n --> x\nwarning: build failed";
        assert_eq!(complaint(cargo), "error[E0308]: mismatched types");
        assert_eq!(complaint("\n"), "it said nothing");
    }

    #[test]
    fn a_failed_program_is_named_with_what_it_said() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo begun; echo 'error: no data' >&2; exit 1"]);
        let error = succeed("data-sink fork", command).expect_err("fails");
        assert_eq!(
            error.to_string(),
            "data-sink fork failed (exit status: 1): error: no data"
        );
    }

    #[test]
    fn a_missing_interpreter_is_told_with_how_to_get_one() {
        let found = Python::find("no-such-python".into()).expect("asked");
        let why = found.err().expect("missing");
        assert!(why.contains("cannot start no-such-python"), "{why}");
        assert!(
            why.contains("pip install numpy") && why.contains("PYTHON="),
            "{why}"
        );
        assert!(!why.contains('\n'));
    }

    #[test]
    fn an_interpreter_without_numpy_is_told_with_how_to_get_it() {
        // Takes `-c` as Python does, and cannot import anything.
        let found = Python::find("false".into()).expect("asked");
        let why = found.err().expect("missing");
        assert!(why.contains("false cannot import numpy"), "{why}");
    }
}
