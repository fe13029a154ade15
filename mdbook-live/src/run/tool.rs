//! Programs of other makers that this one calls: found, started, ended with it.

use std::io::{ErrorKind, Read, Seek};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::begin::begin_build;
use super::run_id::RunId;
use super::watchdog::Watchdog;

/// How often it is asked whether a program has ended.
const LOOK: Duration = Duration::from_millis(20);

/// A program that is installed.
#[derive(Debug, Clone)]
pub struct Tool {
    program: PathBuf,
}

impl Tool {
    /// The first of these `names` that is on the `PATH`.
    ///
    /// # Errors
    ///
    /// When there is none: which Debian `package` has it.
    pub fn find(names: &[&str], package: &str) -> Result<Tool> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        Tool::find_in(&path, names, package)
    }

    fn find_in(path: &std::ffi::OsStr, names: &[&str], package: &str) -> Result<Tool> {
        let folders: Vec<PathBuf> = std::env::split_paths(path).collect();
        let places = names
            .iter()
            .flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
        let found = places.into_iter().find(|place| place.is_file());
        let Some(program) = found else {
            bail!(
                "no {} on the PATH; expected it from the Debian package {package}: apt install {package}",
                names.join(" or ")
            );
        };
        Ok(Tool { program })
    }

    /// Makes the file `made` by calling the program, which has `limit` for it.
    ///
    /// # Errors
    ///
    /// When the program cannot be started, fails, takes longer, or makes no such file: with the
    /// last line that it said.
    pub fn make(&self, made: &Path, arguments: &[String], limit: Duration) -> Result<()> {
        let name = self.program.display();
        let words = tempfile::tempfile().context("making a file for what a program says")?;
        let id = RunId::new()?;
        // Where this program is killed, the other one ends with it.
        let _watchdog = Watchdog::start(id, None)?;
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(words.try_clone()?)
            .stderr(words.try_clone()?)
            // What it starts is ended with it.
            .process_group(0);
        begin_build(&mut command, id);
        let mut child = command
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        let end = Instant::now() + limit;
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break Some(status),
                Ok(None) if Instant::now() < end => std::thread::sleep(LOOK),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Ok(None) | Err(_) => break None,
            }
        };
        if status.is_none() {
            // It has not been waited for, so the number is still its group's.
            let _ = killpg(Pid::from_raw(child.id().cast_signed()), Signal::SIGKILL);
            child.wait()?;
            bail!("{name} took longer than {} s", limit.as_secs());
        }
        if status.is_some_and(|status| status.success()) && made.is_file() {
            return Ok(());
        }
        let last = last_line(words)?;
        bail!("{name} failed: {last}");
    }
}

fn last_line(mut words: std::fs::File) -> Result<String> {
    let mut text = Vec::new();
    words.rewind()?;
    words.read_to_end(&mut text)?;
    let text = String::from_utf8_lossy(&text);
    let last = text.lines().rev().map(str::trim);
    let last = last.into_iter().find(|line| !line.is_empty());
    Ok(last.unwrap_or("it did not say why").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_that_is_missing_is_told_with_its_package() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().as_os_str();
        let error = Tool::find_in(path, &["a", "b"], "ab").expect_err("there is none");
        assert_eq!(
            error.to_string(),
            "no a or b on the PATH; expected it from the Debian package ab: apt install ab"
        );
        std::fs::write(folder.path().join("b"), "").expect("a file");
        assert!(Tool::find_in(path, &["a", "b"], "ab").is_ok());
    }

    #[test]
    fn a_tool_that_fails_makes_nothing_or_takes_too_long_is_told_in_a_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let made = folder.path().join("made");
        let sh = Tool::find(&["sh"], "dash").expect("there is one");
        let make = |script: &str, limit: u64| {
            let arguments = ["-c".to_owned(), script.to_owned()];
            sh.make(&made, &arguments, Duration::from_secs(limit))
                .map_err(|error| error.to_string())
        };
        for (script, limit, why) in [
            ("echo one; echo two >&2; exit 1", 60, "failed: two"),
            ("exit 0", 60, "failed: it did not say why"),
            ("sleep 1000 & sleep 1000", 0, "took longer than 0 s"),
        ] {
            let error = make(script, limit).expect_err("it fails");
            assert!(error.ends_with(why), "{error}");
        }
        let script = format!("echo > {}", made.display());
        assert_eq!(make(&script, 60), Ok(()));
    }
}
