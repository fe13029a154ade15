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

/// What the lock protects. While nobody has it, `sum` is that of `parts` parts.
#[derive(Clone, Copy, Default)]
struct Total {
    sum: u64,
    parts: u64,
    /// Both, without the part that is being added.
    before: (u64, u64),
    /// Whether one is: set after `before`, and cleared when `sum` and `parts` both have it.
    adding: bool,
}

fn main() -> ExitCode {
    command_line::run(|arguments: Arguments| {
        let robustness = match arguments.lock {
            Kind::Plain => Robustness::Stalled,
            Kind::Robust => Robustness::Robust,
        };
        add_up(robustness, arguments.dies_after)
    })
}

fn add_up(robustness: Robustness, dies_after: u32) -> Result<(), Box<dyn Error>> {
    let total = SharedLock::new(robustness, Total::default())?;
    // One after another, so that each run tells the same story.
    for (worker, part) in [(1, 10), (2, 20), (3, 30)] {
        // SAFETY: this process has one thread, so the child may do all that it may.
        match unsafe { fork() }? {
            ForkResult::Child => {
                let dies_after = (worker == 2).then_some(dies_after);
                let added = add(worker, part, &total, dies_after);
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

fn add(
    worker: u64,
    part: u64,
    lock: &SharedLock<Total>,
    dies_after: Option<u32>,
) -> Result<(), Errno> {
    let step = |number| match dies_after {
        Some(last) if last == number => raise(Signal::SIGKILL),
        _ => Ok(()),
    };
    let locked = lock.lock(PATIENCE)?;
    let mut total = lock.value();
    println!(
        "worker {worker} has the lock, {locked:?}: sum {}, parts {}",
        total.sum, total.parts
    );
    if locked == Locked::OwnerDied {
        if total.adding {
            (total.sum, total.parts) = total.before;
            total.adding = false;
        }
        lock.set(total);
        lock.mark_consistent()?;
        println!(
            "worker {worker} takes back what is half done: sum {}, parts {}",
            total.sum, total.parts
        );
    }
    // ANCHOR: change
    total.before = (total.sum, total.parts);
    lock.set(total);
    step(1)?;
    total.adding = true;
    lock.set(total);
    step(2)?;
    total.sum += part;
    lock.set(total);
    step(3)?;
    total.parts += 1;
    lock.set(total);
    step(4)?;
    total.adding = false;
    lock.set(total);
    step(5)?;
    lock.unlock()
    // ANCHOR_END: change
}

/// Three workers add to a total in shared memory; one is killed while it has the lock
#[derive(Parser)]
struct Arguments {
    /// Which lock
    #[arg(value_enum, default_value = "robust")]
    lock: Kind,

    /// The step after which the second worker is killed; the third changes the sum, the
    /// fourth the number of parts
    #[arg(long, value_name = "STEP", value_parser = clap::value_parser!(u32).range(1..=5), default_value = "3")]
    dies_after: u32,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// One that stays locked when its owner dies
    Plain,
    /// One that tells its next owner
    Robust,
}
