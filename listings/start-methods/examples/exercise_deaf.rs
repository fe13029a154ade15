//! Your version: the second child is to hear what its parent ignores.

use std::error::Error;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode};

use clap::Parser;
use nix::sys::signal::{SigHandler, Signal, signal};

/// Spawns a child that sends itself a signal that its parent ignores
#[derive(Parser)]
struct Arguments {}

fn measure() -> Result<(), Box<dyn Error>> {
    // SAFETY: no handler is installed.
    unsafe { signal(Signal::SIGTERM, SigHandler::SigIgn) }?;
    println!("a child of a parent that ignores SIGTERM: {}", end()?);
    println!("the same, with SIGTERM at its default: {}", end()?);
    Ok(())
}

/// How a shell ends that sends itself SIGTERM.
fn end() -> Result<String, Box<dyn Error>> {
    let status = Command::new("sh").args(["-c", "kill -TERM $$"]).status()?;
    Ok(match status.signal() {
        Some(number) => format!("ended by {}", Signal::try_from(number)?),
        None if status.success() => "went on to its end".to_owned(),
        None => status.to_string(),
    })
}

fn main() -> ExitCode {
    command_line::run(|_: Arguments| measure())
}
