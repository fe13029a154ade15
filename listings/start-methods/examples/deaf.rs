//! A solution: a child that cannot hear what its parent ignores, and its mend.

use std::error::Error;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitCode};

use clap::Parser;
use nix::sys::signal::{SigHandler, Signal, signal};

/// Spawns a child that sends itself a signal that its parent ignores
#[derive(Parser)]
struct Arguments {}

// ANCHOR: solution
fn measure() -> Result<(), Box<dyn Error>> {
    // SAFETY: no handler is installed.
    unsafe { signal(Signal::SIGTERM, SigHandler::SigIgn) }?;
    let mut child = Command::new("sh");
    child.args(["-c", "kill -TERM $$"]);
    println!(
        "a child of a parent that ignores SIGTERM: {}",
        end(&mut child)?
    );
    let back_to_default = || {
        // SAFETY: no handler is installed.
        unsafe { signal(Signal::SIGTERM, SigHandler::SigDfl) }?;
        Ok(())
    };
    // SAFETY: the closure makes one system call, which is async-signal-safe (signal-safety(7)).
    unsafe { child.pre_exec(back_to_default) };
    println!("the same, put back to its default: {}", end(&mut child)?);
    Ok(())
}

fn end(child: &mut Command) -> io::Result<String> {
    let status = child.status()?;
    Ok(match status.signal() {
        Some(number) => format!("ended by signal {number}"),
        None => "went on to its end".to_owned(),
    })
}
// ANCHOR_END: solution

fn main() -> ExitCode {
    command_line::run(|_: Arguments| measure())
}
