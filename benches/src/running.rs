//! Running a program to its end, or ending it with all that it started.

use std::fmt;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Error, Result, bail};
use mem_trace::MARKS_VARIABLE;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, killpg, sigaction};
use nix::unistd::Pid;

/// No program here takes nearly as long, unless it hangs.
const LIMIT: Duration = Duration::from_secs(600);

/// How long what a program started may outlive it: Python's resource tracker ends
/// when it sees that its program has ended.
const STRAGGLING: Duration = Duration::from_secs(5);

/// How long a group has to end itself, before it is killed.
const GRACE: Duration = Duration::from_millis(200);

/// How often is looked for an interruption.
const GLANCE: Duration = Duration::from_millis(50);

/// The signal that asked this process to end, or 0.
static INTERRUPTED: AtomicI32 = AtomicI32::new(0);

/// A program that did not end in time.
#[derive(Debug)]
pub struct Late(Duration);

impl fmt::Display for Late {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it did not end in {} s", self.0.as_secs())
    }
}

impl std::error::Error for Late {}

/// A program that has ended.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// From before its start until its exit was seen.
    pub wall: Duration,
    /// What it printed, to standard output and standard error alike.
    pub output: String,
}

/// From here on, SIGINT, SIGTERM and SIGHUP make [`run`] end its program and fail.
///
/// # Errors
///
/// sigaction(2)'s.
pub fn watch_for_interruptions() -> Result<()> {
    extern "C" fn note(signal: i32) {
        INTERRUPTED.store(signal, Ordering::Relaxed);
    }
    let action = SigAction::new(
        SigHandler::Handler(note),
        SaFlags::SA_RESTART,
        SigSet::empty(),
    );
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        // SAFETY: the handler only stores to an atomic, which is async-signal-safe,
        // and is a function, so it lives as long as the process.
        unsafe { sigaction(signal, &action) }.context("cannot watch for interruptions")?;
    }
    Ok(())
}

/// Runs `command` in a process group of its own until it has exited and nothing
/// that it started holds its output any more, so that it does not disturb the next.
///
/// # Errors
///
/// Where it cannot be started, is interrupted, hangs, or leaves something behind.
/// Then every process of its group is ended.
pub fn run(command: Command) -> Result<Finished> {
    run_within(command, LIMIT)
}

/// The same where the program has to end within `limit`; where it does not, the error is
/// [`Late`].
///
/// # Errors
///
/// As [`run`].
pub fn run_within(mut command: Command, limit: Duration) -> Result<Finished> {
    let (mut reader, writer) = io::pipe().context("cannot make a pipe")?;
    command
        .stdin(Stdio::null())
        .stdout(writer.try_clone().context("cannot make a pipe")?)
        .stderr(writer)
        // To note what it is doing would take it a part of what is measured.
        .env_remove(MARKS_VARIABLE)
        .process_group(0);

    let start = Instant::now();
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot start {}", command.get_program().display()))?;
    let _group = Group(Pid::from_raw(child.id() as i32));
    // Its ends of the pipe are the child's alone now: the output ends with it.
    drop(command);

    let (to_exit, exit) = channel();
    let (to_output, output) = channel();
    thread::spawn(move || {
        let status = child.wait();
        // Nobody listens any more where `run` has given up.
        let _ = to_exit.send((status, start.elapsed()));
    });
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = reader.read_to_end(&mut bytes);
        let _ = to_output.send(read.map(|_| String::from_utf8_lossy(&bytes).into_owned()));
    });

    let (status, wall) = receive(&exit, limit, || Late(limit).into())?;
    let output = receive(&output, STRAGGLING, || {
        Error::msg("it left processes behind that hold its output")
    })?;
    Ok(Finished {
        status: status.context("cannot wait for it")?,
        wall,
        output: output.context("cannot read what it printed")?,
    })
}

/// What comes through `receiver` within `limit`, unless this process is interrupted.
fn receive<T>(receiver: &Receiver<T>, limit: Duration, late: impl FnOnce() -> Error) -> Result<T> {
    let deadline = Instant::now() + limit;
    loop {
        if let Ok(signal) = Signal::try_from(INTERRUPTED.load(Ordering::Relaxed)) {
            bail!("interrupted by {signal}");
        }
        match receiver.recv_timeout(GLANCE) {
            Ok(received) => return Ok(received),
            Err(RecvTimeoutError::Disconnected) => bail!("the thread that waits for it panicked"),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if Instant::now() > deadline {
            return Err(late());
        }
    }
}

/// A process group that was started here: ended, at the latest, when this is dropped.
struct Group(Pid);

impl Drop for Group {
    fn drop(&mut self) {
        // An id stays taken while its group has a member; of an empty group
        // there is nothing to end, which `killpg` says (ESRCH).
        if killpg(self.0, Signal::SIGTERM).is_err() {
            return;
        }
        let deadline = Instant::now() + GRACE;
        while killpg(self.0, None).is_ok() {
            if Instant::now() > deadline {
                let _ = killpg(self.0, Signal::SIGKILL);
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn both_outputs_and_the_exit_code_come_back() {
        let finished = run(shell("echo one; echo two >&2; exit 3")).expect("runs");
        assert_eq!(finished.output, "one\ntwo\n");
        assert_eq!(finished.status.code(), Some(3));
    }

    #[test]
    fn a_program_that_hangs_is_ended_and_told_as_late() {
        let error = run_within(shell("sleep 600"), Duration::from_secs(1)).expect_err("late");
        assert!(error.is::<Late>(), "{error:#}");
        assert_eq!(error.to_string(), "it did not end in 1 s");
    }

    #[test]
    fn a_program_that_does_not_exist_is_named() {
        let error = run(Command::new("no-such-program")).expect_err("fails");
        assert_eq!(error.to_string(), "cannot start no-such-program");
    }

    #[test]
    fn dropping_a_group_ends_what_it_started_even_what_ignores_sigterm() {
        let (mut reader, writer) = io::pipe().expect("a pipe");
        let mut command = shell("trap '' TERM; (sleep 600) & echo ready; sleep 600");
        command.stdout(writer).process_group(0);
        let mut child = command.spawn().expect("starts");
        drop(command);
        let group = Group(Pid::from_raw(child.id() as i32));
        let mut ready = [0; 6];
        reader.read_exact(&mut ready).expect("the shell is up");

        drop(group);
        child.wait().expect("ended");
        // The pipe ends when the last of them has.
        assert_eq!(reader.read(&mut ready).expect("reads"), 0);
    }
}
