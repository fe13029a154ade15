//! Three workers add their parts to a total in shared memory. The second dies with the lock.

use std::error::Error;
use std::io;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::{Signal, raise};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};
use when_a_worker_dies::shared_lock::{Locked, Robustness, SharedLock};

const PATIENCE: Duration = Duration::from_millis(500);

/// What the lock protects. Without it, `sum` is that of `parts` parts.
#[derive(Clone, Copy)]
struct Total {
    sum: u64,
    parts: u64,
    /// The sum before the part that is being added.
    before: u64,
}

fn main() -> ExitCode {
    command_line::run(|arguments: Arguments| {
        add_up(match arguments.lock {
            Kind::Plain => Robustness::Stalled,
            Kind::Robust => Robustness::Robust,
        })
    })
}

fn add_up(robustness: Robustness) -> Result<(), Box<dyn Error>> {
    let total = SharedLock::new(
        robustness,
        Total {
            sum: 0,
            parts: 0,
            before: 0,
        },
    )?;
    // One after another, so that each run tells the same story.
    for (worker, part) in [(1, 10), (2, 20), (3, 30)] {
        // SAFETY: this process has one thread, so the child may do all that it may.
        match unsafe { fork() }? {
            ForkResult::Child => {
                let added = add(worker, part, &total);
                if let Err(error) = &added {
                    println!("worker {worker} has no lock after {PATIENCE:?}: {error}");
                }
                // SAFETY: `_exit` has no preconditions. `println!` has written the line.
                unsafe { libc::_exit(i32::from(added.is_err())) }
            }
            ForkResult::Parent { child } => match waitpid(child, None)? {
                WaitStatus::Signaled(_, signal, _) => {
                    println!("worker {worker} was killed by {signal}")
                }
                WaitStatus::Exited(_, code) => println!("worker {worker} exited with code {code}"),
                other => return Err(io::Error::other(format!("{other:?}")).into()),
            },
        }
    }
    let Total { sum, parts, .. } = total.value();
    println!("in the end: sum {sum}, parts {parts}");
    Ok(())
}

// ANCHOR: add
fn add(worker: u64, part: u64, lock: &SharedLock<Total>) -> Result<(), Errno> {
    let locked = lock.lock(PATIENCE)?;
    let mut total = lock.value();
    println!(
        "worker {worker} has the lock, {locked:?}: sum {}, parts {}",
        total.sum, total.parts
    );
    if locked == Locked::OwnerDied {
        total.sum = total.before;
        lock.set(total);
        lock.mark_consistent()?;
        println!(
            "worker {worker} takes back what is half done: sum {}",
            total.sum
        );
    }
    total.before = total.sum;
    lock.set(total);
    total.sum += part;
    lock.set(total);
    if worker == 2 {
        raise(Signal::SIGKILL)?;
    }
    total.parts += 1;
    lock.set(total);
    lock.unlock()
}
// ANCHOR_END: add

/// Three workers add to a total in shared memory; one is killed while it has the lock
#[derive(Parser)]
struct Arguments {
    /// Which lock
    #[arg(value_enum, default_value = "robust")]
    lock: Kind,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// One that stays locked when its owner dies
    Plain,
    /// One that tells its next owner
    Robust,
}
