//! Your version: all three processes are to print the time since one common start.

use std::io::{self, Read};
use std::process::{self, ExitCode};
use std::thread::sleep;
use std::time::{Duration, Instant};

use clap::Parser;
use mem_trace::trace;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};

/// Two workers and their parent print the time since one common start
#[derive(Parser)]
struct Arguments {}

fn main() -> ExitCode {
    command_line::run(|_: Arguments| {
        two_workers()?;
        mem_trace::check_output()
    })
}

fn two_workers() -> io::Result<()> {
    let start = Instant::now();
    let (hold, release) = io::pipe()?;
    let mut children = Vec::new();
    for number in 1..=2 {
        // The workers begin at different times.
        sleep(Duration::from_millis(250));
        // SAFETY: this process has one thread, so the child may do all that it may.
        match unsafe { fork() }? {
            ForkResult::Child => {
                drop(release);
                mem_trace::set_name(format!("ForkProcess-{number}"));
                let start = Instant::now();
                trace!("Begun at_s={:.2}", seconds(start));
                // Until the parent lets go of the other end.
                let released = (&hold).read(&mut [0]);
                trace!("Released at_s={:.2}", seconds(start));
                let done = released.and_then(|_| mem_trace::check_output());
                process::exit(i32::from(done.is_err()));
            }
            ForkResult::Parent { child } => children.push(child),
        }
    }
    sleep(Duration::from_millis(500));
    trace!("Releases both at_s={:.2}", seconds(start));
    drop(release);
    for child in children {
        let status = waitpid(child, None)?;
        if status != WaitStatus::Exited(child, 0) {
            return Err(io::Error::other(format!("a worker ended: {status:?}")));
        }
    }
    Ok(())
}

fn seconds(start: Instant) -> f64 {
    start.elapsed().as_secs_f64()
}
