//! A forked child that is ended when it does not end.

use std::fmt;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::thread;
use std::time::{Duration, Instant};

use nix::libc;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};

/// How long the child may take. What it has to do takes a small part of that.
const PATIENCE: Duration = Duration::from_millis(500);

/// How a child ended.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// By itself.
    Itself,
    /// It was ended, because it did not end by itself.
    Watchdog,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Itself => f.write_str("ended by itself"),
            Self::Watchdog => write!(
                f,
                "was still there after {} ms, and was ended by its parent",
                PATIENCE.as_millis()
            ),
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
            let deadline = Instant::now() + PATIENCE;
            while waitpid(child, Some(WaitPidFlag::WNOHANG))? == WaitStatus::StillAlive {
                if Instant::now() >= deadline {
                    kill(child, Signal::SIGKILL)?;
                    waitpid(child, None)?;
                    return Ok(End::Watchdog);
                }
                thread::sleep(Duration::from_millis(1));
            }
            Ok(End::Itself)
        }
    }
}
