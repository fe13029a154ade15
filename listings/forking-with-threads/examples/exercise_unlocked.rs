//! Your version: a fork by the thread that holds a lock. The child is to have the lock, too.

use std::error::Error;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use clap::Parser;
use nix::libc;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, alarm, fork};

/// Forks while this thread holds the lock that the child needs
#[derive(Parser)]
struct Arguments {}

static COUNT: Mutex<i32> = Mutex::new(1);

/// The lock is taken before the fork, so that no other thread has it then.
fn fork_with_the_lock() -> Result<(), Box<dyn Error>> {
    let guard = COUNT.lock().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: the child takes one lock, which this thread has, and calls `_exit`.
    match unsafe { fork() }? {
        ForkResult::Child => {
            // One that waits for ever gets SIGALRM after a second.
            alarm::set(1);
            // One thread forked, one thread is here: the child may print.
            println!("The child finds it locked: {}", COUNT.try_lock().is_err());
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

fn main() -> ExitCode {
    command_line::run(|_: Arguments| fork_with_the_lock())
}
