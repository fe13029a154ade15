//! The one place that forks: it sees to it that a fork is safe.

use std::fs;
use std::io::{self, Write};
use std::process;
use std::thread;
use std::time::{Duration, Instant};

use nix::unistd::{self, ForkResult};

use crate::wire::protocol::Refusal;

/// How long the system may still list a thread that has already been joined.
const THREAD_LINGERS: Duration = Duration::from_millis(50);

/// Forks a process that has one thread; refuses to fork any other.
pub(crate) fn fork() -> Result<ForkResult, Refusal> {
    refuse_threads()?;
    // What a buffer holds at the fork would be printed by each process anew.
    let _ = io::stdout().flush();
    // SAFETY: `refuse_threads` found this thread to be the only one, so no lock is
    // held by a thread that the child would not have, and the child may do whatever
    // its parent may (fork(2)).
    unsafe { unistd::fork() }.map_err(|errno| Refusal::System(errno as i32))
}

// ANCHOR: threads
/// Fork copies the calling thread alone, but the memory of all.
fn refuse_threads() -> Result<(), Refusal> {
    let deadline = Instant::now() + THREAD_LINGERS;
    loop {
        let threads = fs::read_dir("/proc/self/task")
            .map_err(|error| Refusal::ThreadsUnknown(error.raw_os_error()))?
            .count();
        if threads <= 1 {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(Refusal::Threads(threads));
        }
        thread::sleep(Duration::from_millis(1));
    }
}
// ANCHOR_END: threads

/// Held by a forked child in place of its parent's frames: unwinding into them would
/// run the parent's destructors and go on in its code, so it aborts here.
pub(crate) struct AbortOnUnwind;

impl Drop for AbortOnUnwind {
    fn drop(&mut self) {
        process::abort();
    }
}
