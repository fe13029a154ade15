//! A forked child that is ended when it does not end.

use std::fmt;
use std::fs;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::thread;
use std::time::{Duration, Instant};

use nix::libc;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

/// How long the child may take before it has to be seen at work.
const PATIENCE: Duration = Duration::from_millis(500);

/// How a child ended.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// By itself.
    Itself,
    /// Its parent had to kill it.
    Watchdog,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Itself => f.write_str("ends by itself"),
            Self::Watchdog => write!(f, "does not end in {} ms", PATIENCE.as_millis()),
        }
    }
}

/// Forks, and has the child do `work`. A panic in it ends the child.
///
/// # Safety
///
/// In a child of a process with threads `work` may do only what is async-signal-safe
/// (fork(2), signal-safety(7)).
pub unsafe fn in_forked_child(work: impl FnOnce()) -> io::Result<End> {
    // SAFETY: the caller's.
    unsafe { in_child_of(fork, work) }
}

/// The same with a fork of the caller's choice.
///
/// # Safety
///
/// That of [`in_forked_child`], and that of `fork`.
pub unsafe fn in_child_of(
    fork: unsafe fn() -> nix::Result<ForkResult>,
    work: impl FnOnce(),
) -> io::Result<End> {
    // SAFETY: the caller's.
    match unsafe { fork() }? {
        ForkResult::Child => {
            // Unwinding any further would go on in the parent's code.
            let code = match panic::catch_unwind(AssertUnwindSafe(work)) {
                Ok(()) => 0,
                Err(_) => 101,
            };
            // SAFETY: `_exit` has no preconditions.
            unsafe { libc::_exit(code) }
        }
        ForkResult::Parent { child } => {
            let forked = Instant::now();
            while waitpid(child, Some(WaitPidFlag::WNOHANG))? == WaitStatus::StillAlive {
                let age = forked.elapsed();
                if age >= PATIENCE && (is_waiting(child) || age >= 20 * PATIENCE) {
                    kill(child, Signal::SIGKILL)?;
                    waitpid(child, None)?;
                    return Ok(End::Watchdog);
                }
                thread::sleep(Duration::from_micros(200));
            }
            Ok(End::Itself)
        }
    }
}

/// Whether a process is asleep, as one is that waits for a lock. One that is slow, on a
/// machine with much to do, is ready to run (proc(5), `/proc/PID/stat`).
fn is_waiting(process: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The state comes after the program's name, which is in brackets.
    stat.rsplit_once(") ")
        .is_some_and(|(_, rest)| rest.starts_with('S'))
}
