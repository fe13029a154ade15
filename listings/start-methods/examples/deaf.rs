//! A solution: a child that cannot hear what its parent ignores, and one that can.

use std::error::Error;
use std::ffi::CStr;
use std::process::ExitCode;

use clap::Parser;
use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawnp};
use nix::sys::signal::{SigHandler, SigSet, Signal, signal};
use nix::sys::wait::{WaitStatus, waitpid};

/// Spawns a child that sends itself a signal that its parent ignores
#[derive(Parser)]
struct Arguments {}

// ANCHOR: solution
fn measure() -> Result<(), Box<dyn Error>> {
    // SAFETY: no handler is installed.
    unsafe { signal(Signal::SIGTERM, SigHandler::SigIgn) }?;
    let mut attributes = PosixSpawnAttr::init()?;
    println!(
        "a child of a parent that ignores SIGTERM: {}",
        end(&attributes)?
    );
    // These signals begin at their default in the child, whatever they are in its parent.
    attributes.set_sigdefault(&SigSet::from(Signal::SIGTERM))?;
    attributes.set_flags(PosixSpawnFlags::POSIX_SPAWN_SETSIGDEF)?;
    println!(
        "the same, with SIGTERM at its default: {}",
        end(&attributes)?
    );
    Ok(())
}

/// How a shell ends that sends itself SIGTERM.
fn end(attributes: &PosixSpawnAttr) -> Result<String, Box<dyn Error>> {
    let arguments = [c"sh", c"-c", c"kill -TERM $$"];
    let no_environment: [&CStr; 0] = [];
    let as_it_is = PosixSpawnFileActions::init()?;
    let child = posix_spawnp(c"sh", &as_it_is, attributes, &arguments, &no_environment)?;
    Ok(match waitpid(child, None)? {
        WaitStatus::Signaled(_, signal, _) => format!("ended by {signal}"),
        WaitStatus::Exited(_, 0) => "went on to its end".to_owned(),
        other => format!("{other:?}"),
    })
}
// ANCHOR_END: solution

fn main() -> ExitCode {
    command_line::run(|_: Arguments| measure())
}
