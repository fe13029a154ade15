//! A solution: each call in a process of its own, so that one which goes wrong is one error.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::panic;
use std::process::{self, ExitCode};
use std::thread;
use std::time::Duration;

use clap::Parser;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, wait, waitpid};
use nix::unistd::{ForkResult, fork};

/// Calls a function twenty times, of which three calls do not return
#[derive(Parser)]
struct Arguments {}

/// The function. For 13 it aborts, for 17 it never ends, and for 19 it panics.
fn square(x: u64) -> u64 {
    match x {
        13 => process::abort(),
        17 => loop {
            thread::sleep(Duration::from_secs(1));
        },
        19 => panic!("no luck with 19"),
        _ => x * x,
    }
}

// ANCHOR: solution
/// How long a call may take.
const PATIENCE: Duration = Duration::from_millis(300);

/// What the function returns, or what became of the process that called it.
fn call(function: fn(u64) -> u64, x: u64) -> io::Result<Result<u64, String>> {
    let (mut result, to_parent) = io::pipe()?;
    // SAFETY: this process has one thread, so the child may do all that it may.
    let child = match unsafe { fork() }? {
        ForkResult::Child => answer(to_parent, function, x),
        ForkResult::Parent { child } => child,
    };
    // The child's copy is the last one: where it ends, so does the pipe.
    drop(to_parent);
    let mut pipe = [PollFd::new(result.as_fd(), PollFlags::POLLIN)];
    let patience = PollTimeout::try_from(PATIENCE).map_err(io::Error::other)?;
    let in_time = poll(&mut pipe, patience)? == 1;
    if !in_time {
        kill(child, Signal::SIGKILL)?;
    }
    let mut bytes = [0; 8];
    let read = result.read_exact(&mut bytes);
    let ending = waitpid(child, None)?;
    Ok(read
        .map(|()| u64::from_ne_bytes(bytes))
        .map_err(|_| match ending {
            _ if !in_time => "killed at its deadline".into(),
            WaitStatus::Signaled(_, signal, _) => format!("ended by {signal}"),
            WaitStatus::Exited(_, status) => format!("exited with {status}"),
            other => format!("{other:?}"),
        }))
}

/// The child: it does the call, and never comes back from here, not even by a panic.
fn answer(mut to_parent: io::PipeWriter, function: fn(u64) -> u64, x: u64) -> ! {
    let written = panic::catch_unwind(|| function(x))
        .is_ok_and(|result| to_parent.write_all(&result.to_ne_bytes()).is_ok());
    // SAFETY: `_exit` has no preconditions.
    unsafe { libc::_exit(if written { 0 } else { 101 }) }
}
// ANCHOR_END: solution

fn main() -> ExitCode {
    command_line::run(|_: Arguments| -> io::Result<()> {
        for x in 1..=20 {
            match call(square, x)? {
                Ok(result) => println!("{x}: {result}"),
                Err(why) => println!("{x}: {why}"),
            }
        }
        // ECHILD: nothing runs, and nothing waits to be reaped.
        println!("children left: {:?}", wait());
        Ok(())
    })
}
