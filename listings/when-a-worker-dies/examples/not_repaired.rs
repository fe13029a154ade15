//! A solution: the lock of a dead owner is let go, and nobody says that all is well.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use nix::libc;
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, fork};
use when_a_worker_dies::shared_lock::{Robustness, SharedLock};

/// Lets go a lock whose owner died, without having repaired what it protects
#[derive(Parser)]
struct Arguments {}

fn main() -> ExitCode {
    command_line::run(|_: Arguments| let_go())
}

// ANCHOR: solution
fn let_go() -> io::Result<()> {
    let patience = Duration::from_millis(500);
    let lock = SharedLock::new(Robustness::Robust, 0)?;
    // SAFETY: this process has one thread, so the child may do all that it may.
    match unsafe { fork() }? {
        ForkResult::Child => {
            let locked = lock.lock(patience);
            // SAFETY: `_exit` has no preconditions. It lets nothing go.
            unsafe { libc::_exit(i32::from(locked.is_err())) }
        }
        ForkResult::Parent { child } => waitpid(child, None)?,
    };
    println!("after its owner: {:?}", lock.lock(patience));
    println!("let go: {:?}", lock.unlock());
    println!("and again: {:?}", lock.lock(patience));
    Ok(())
}
// ANCHOR_END: solution
