//! Your version: four workers of a process that has grown. A server is to fork them, which has
//! nothing of what its parent has filled.

use std::io;
use std::process::ExitCode;
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::Duration;

use clap::Parser;
use mem_trace::mebibytes;
use nix::libc;
use nix::sys::wait::{WaitStatus, wait, waitpid};
use nix::unistd::{ForkResult, fork};

/// Starts four workers from a process that has grown
#[derive(Parser)]
struct Arguments {}

/// What this process has filled, and no worker needs.
static FILLED: OnceLock<Vec<u8>> = OnceLock::new();

fn filled() -> u64 {
    mebibytes(FILLED.get().map_or(0, Vec::len) as u64)
}

/// What a worker does; it ends with a status of its own.
fn work(number: u8) -> i32 {
    println!("worker {number} has {} MB of its parent's", filled());
    // So that all are there at one time.
    sleep(Duration::from_millis(500));
    10 + i32::from(number)
}

fn main() -> ExitCode {
    command_line::run(|_: Arguments| -> io::Result<()> {
        FILLED.get_or_init(|| vec![1; 64 << 20]);
        for (number, status) in run(4)? {
            println!("worker {number} has ended with status {status}");
        }
        println!("the parent has {} MB", filled());
        println!("children left: {:?}", wait());
        Ok(())
    })
}

/// Starts `workers` workers, and waits until all have ended.
fn run(workers: u8) -> io::Result<Vec<(u8, u8)>> {
    let mut started = Vec::new();
    for number in 1..=workers {
        // SAFETY: this process has one thread, so the child may do all that it may.
        match unsafe { fork() }? {
            // SAFETY: `_exit` has no preconditions. `println!` has written its line.
            ForkResult::Child => unsafe { libc::_exit(work(number)) },
            ForkResult::Parent { child } => started.push((child, number)),
        }
    }
    let mut ended = Vec::new();
    for (process, number) in started {
        let status = match waitpid(process, None)? {
            WaitStatus::Exited(_, status) => status as u8,
            _ => u8::MAX,
        };
        ended.push((number, status));
    }
    Ok(ended)
}
