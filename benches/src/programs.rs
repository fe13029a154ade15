//! The programs on this machine: found, built, and run to their end.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::running::{Finished, run};

/// The exit code of what was skipped, as Automake's test driver takes it.
pub const SKIPPED: u8 = 77;

/// The folder with the Python programs.
pub fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("python")
}

/// The Python interpreter: the one that was named, else that of `$PYTHON`, else `python3`.
pub fn interpreter(named: Option<PathBuf>) -> OsString {
    let named = named.map(PathBuf::into_os_string);
    named
        .or_else(|| std::env::var_os("PYTHON").filter(|name| !name.is_empty()))
        .unwrap_or_else(|| "python3".into())
}

/// A Python interpreter that has a module.
#[derive(Debug)]
pub struct Python {
    /// The program.
    pub interpreter: OsString,
    /// Its version and the module's.
    pub versions: String,
}

impl Python {
    /// Asks `interpreter` for `module`: the versions, or what is missing.
    ///
    /// # Errors
    ///
    /// Where it cannot even be asked, other than that it is missing.
    pub fn find(interpreter: &OsStr, module: &'static str) -> Result<Result<Self, Missing>> {
        let missing = |has_interpreter| Missing {
            interpreter: interpreter.to_owned(),
            has_interpreter,
            module,
        };
        let mut question = Command::new(interpreter);
        question.arg("-c").arg(format!(
            "import platform, {module}; \
             print(f'python {{platform.python_version()}}, {module} {{{module}.__version__}}')"
        ));
        let answer = match run(question) {
            Ok(answer) => answer,
            Err(error) if error.is::<std::io::Error>() => return Ok(Err(missing(false))),
            Err(error) => {
                let name = interpreter.display();
                return Err(error.context(format!("cannot ask {name} for {module}")));
            }
        };
        if !answer.status.success() {
            return Ok(Err(missing(true)));
        }
        Ok(Ok(Self {
            interpreter: interpreter.to_owned(),
            versions: last_line(&answer.output).to_string(),
        }))
    }
}

/// What this machine lacks. Its text is one line, with how to get it.
#[derive(Debug)]
pub struct Missing {
    interpreter: OsString,
    /// Whether only the module is missing.
    pub has_interpreter: bool,
    module: &'static str,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, module) = (self.interpreter.display(), self.module);
        if self.has_interpreter {
            write!(f, "skipped: {name} cannot import {module}; ")?;
        } else {
            write!(f, "skipped: cannot start {name}; ")?;
        }
        write!(
            f,
            "`python3 -m venv venv && venv/bin/pip install {module}` makes a Python that has \
             it, PYTHON=venv/bin/python or --python selects it"
        )
    }
}

/// Programs of the book that cargo has built.
pub struct Built(Vec<(String, PathBuf)>);

impl Built {
    /// Builds what `selected` tells cargo to, as its readers run it, in the dev profile.
    ///
    /// # Errors
    ///
    /// Where cargo cannot.
    pub fn build(selected: &[&str]) -> Result<Self> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .args(["build", "--message-format=json-render-diagnostics"])
            .args(selected);
        let built = succeed("cargo build", command)?;
        let executables = built.output.lines().filter_map(|line| {
            let message: Value = serde_json::from_str(line).ok()?;
            let executable = message.get("executable")?.as_str()?;
            let name = message.get("target")?.get("name")?.as_str()?;
            Some((name.to_string(), executable.into()))
        });
        Ok(Self(executables.collect()))
    }

    /// The program of this name.
    ///
    /// # Errors
    ///
    /// Where none of what was built has it.
    pub fn program(&self, name: &str) -> Result<&OsStr> {
        match self.0.iter().find(|(built, _)| built == name) {
            Some((_, executable)) => Ok(executable.as_os_str()),
            None => bail!("cargo built no program of the name {name}"),
        }
    }
}

/// Runs `command`, which errors call `name`, and expects that it succeeds.
///
/// # Errors
///
/// Where it cannot be run or fails; then with the line of its output that says why.
pub fn succeed(name: &str, mut command: Command) -> Result<Finished> {
    // What is read here is read by its words.
    command.env_remove("FORCE_COLOR").env("NO_COLOR", "1");
    let finished = run(command).with_context(|| format!("cannot run {name}"))?;
    finished.check(name)?;
    Ok(finished)
}

impl Finished {
    /// Expects that the program, which errors call `name`, succeeded.
    ///
    /// # Errors
    ///
    /// Where it did not, with the line of its output that says why.
    pub fn check(&self, name: &str) -> Result<()> {
        if !self.status.success() {
            let said = complaint(&self.output);
            bail!("{name} failed ({}): {said}", self.status);
        }
        Ok(())
    }
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
        let found = Python::find("no-such-python".as_ref(), "numpy").expect("asked");
        let why = found.expect_err("missing").to_string();
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
        let found = Python::find("false".as_ref(), "numpy").expect("asked");
        let why = found.expect_err("missing").to_string();
        assert!(why.contains("false cannot import numpy"), "{why}");
    }
}
