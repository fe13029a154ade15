//! Children forked beside a thread that makes one call over and over. Each makes it once.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use nix::errno::Errno;
use nix::libc;
use nix::unistd::{ForkResult, Pid};

use crate::watchdog::{End, in_child_of};

/// How many children are forked if none of them hangs.
pub const CHILDREN: u32 = 500;

/// What became of the children.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All of them made the call and ended.
    AllEnded,
    /// The child of this number did not end. No more were forked.
    Hung(u32),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AllEnded => write!(f, "all {CHILDREN} children end"),
            Self::Hung(child) => write!(f, "child {child} does not end"),
        }
    }
}

/// Forks children by `fork`, while a thread makes `call` over and over.
///
/// # Safety
///
/// That of `fork`. The condition of fork(2), that the child do only what is
/// async-signal-safe, is the one that is broken here: `call` may change nothing but this
/// process's memory, and the watchdog ends the child.
pub unsafe fn children_beside(
    call: fn(),
    fork: unsafe fn() -> nix::Result<ForkResult>,
) -> io::Result<Outcome> {
    // What a call makes on first use, it has made before any fork.
    call();
    let called = AtomicBool::new(false);
    let enough = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !enough.load(Ordering::Relaxed) {
                call();
                called.store(true, Ordering::Relaxed);
            }
        });
        while !called.load(Ordering::Relaxed) {
            thread::yield_now();
        }
        let mut outcome = Ok(Outcome::AllEnded);
        for child in 1..=CHILDREN {
            // SAFETY: the caller's.
            match unsafe { in_child_of(fork, call) } {
                Ok(End::Itself) => continue,
                Ok(End::Watchdog) => outcome = Ok(Outcome::Hung(child)),
                Err(error) => outcome = Err(error),
            }
            break;
        }
        enough.store(true, Ordering::Relaxed);
        outcome
    })
}

// ANCHOR: kernel
/// What the kernel does for a fork, without what glibc does before it and after it.
///
/// # Safety
///
/// That of `nix::unistd::fork`.
pub unsafe fn fork_by_the_kernel() -> nix::Result<ForkResult> {
    // SAFETY: with SIGCHLD alone, and the caller's stack, clone(2) is fork(2).
    match unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) } {
        -1 => Err(Errno::last()),
        0 => Ok(ForkResult::Child),
        child => Ok(ForkResult::Parent {
            child: Pid::from_raw(child as libc::pid_t),
        }),
    }
}
// ANCHOR_END: kernel
