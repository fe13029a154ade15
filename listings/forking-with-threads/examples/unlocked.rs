//! A solution: a lock that the forking thread holds itself is nobody else's.

use std::error::Error;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use clap::Parser;
use nix::libc;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};

/// Forks while this thread holds the lock that the child needs
#[derive(Parser)]
struct Arguments {}

// ANCHOR: solution
static COUNT: Mutex<i32> = Mutex::new(1);

/// What pthread_atfork(3) is for: the lock is taken before the fork, so that no other thread
/// has it then, and let go on both sides.
fn fork_with_the_lock() -> Result<(), Box<dyn Error>> {
    let guard = COUNT.lock().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: the child takes one lock, which this thread has, and calls `_exit`.
    match unsafe { fork() }? {
        ForkResult::Child => {
            // One thread forked, one thread is here: the child may print.
            println!("The child finds it locked: {}", COUNT.try_lock().is_err());
            drop(guard);
            let count = *COUNT.lock().unwrap_or_else(PoisonError::into_inner);
            // SAFETY: `_exit` has no preconditions.
            unsafe { libc::_exit(count) }
        }
        ForkResult::Parent { child } => {
            drop(guard);
            match waitpid(child, None)? {
                WaitStatus::Exited(_, count) => println!("The child read {count} under the lock"),
                other => println!("The child ended otherwise: {other:?}"),
            }
        }
    }
    Ok(())
}
// ANCHOR_END: solution

fn main() -> ExitCode {
    command_line::run(|_: Arguments| fork_with_the_lock())
}
