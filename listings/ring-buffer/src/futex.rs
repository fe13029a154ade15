//! futex(2): to sleep until a word in shared memory changes, and to wake the one that sleeps.

use std::io;
use std::ptr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use nix::errno::Errno;
use nix::libc;

/// How often this process has called the kernel here.
static CALLS: AtomicU64 = AtomicU64::new(0);

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    /// Somebody woke this process, or a signal interrupted it: look again.
    Woken,
    /// The word was not what was expected; nobody slept.
    Changed,
    /// The patience is over.
    TimedOut,
}

/// Sleeps until [`wake`] is called for this word, if it is `expected`. The kernel compares and
/// goes to sleep in one step.
///
/// # Errors
///
/// The system's.
pub fn wait(word: &AtomicU32, expected: u32, patience: Duration) -> io::Result<Waited> {
    CALLS.fetch_add(1, Relaxed);
    let patience = libc::timespec {
        tv_sec: patience.as_secs() as libc::time_t,
        tv_nsec: patience.subsec_nanos().into(),
    };
    // Not FUTEX_WAIT_PRIVATE: the other one is in another process.
    // SAFETY: the word and the timespec are there for as long as the call lasts.
    let waited = unsafe {
        let word = word.as_ptr();
        libc::syscall(libc::SYS_futex, word, libc::FUTEX_WAIT, expected, &patience)
    };
    match Errno::result(waited) {
        Ok(_) | Err(Errno::EINTR) => Ok(Waited::Woken),
        Err(Errno::EAGAIN) => Ok(Waited::Changed),
        Err(Errno::ETIMEDOUT) => Ok(Waited::TimedOut),
        Err(error) => Err(error.into()),
    }
}

/// Wakes one process that sleeps in [`wait`] for this word; whether there was one.
///
/// # Errors
///
/// The system's.
pub fn wake(word: &AtomicU32) -> io::Result<bool> {
    CALLS.fetch_add(1, Relaxed);
    let none = ptr::null::<libc::timespec>();
    // SAFETY: the kernel takes the address as a name, and writes nothing there.
    let woken = unsafe {
        let word = word.as_ptr();
        libc::syscall(libc::SYS_futex, word, libc::FUTEX_WAKE, 1, none)
    };
    Ok(Errno::result(woken)? > 0)
}

/// How often this process has called futex(2) so far.
pub fn calls() -> u64 {
    CALLS.load(Relaxed)
}
