//! What the system tells a parent of a child that ended, and no more.

use std::error::Error;
use std::process::{Command, ExitCode};

use clap::{Parser, ValueEnum};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;
use when_a_worker_dies::fault::{Fault, end};

fn main() -> ExitCode {
    command_line::run(|arguments: Arguments| match arguments.fault {
        Some(fault) => Err(end(fault).into()),
        None => Fault::value_variants().iter().try_for_each(in_a_child),
    })
}

/// Starts this program anew with that fault, and waits for what becomes of it.
fn in_a_child(fault: &Fault) -> Result<(), Box<dyn Error>> {
    let fault = fault.to_possible_value().ok_or("a fault without a name")?;
    let child = Command::new("/proc/self/exe")
        .arg(fault.get_name())
        .spawn()?;
    let child = Id::Pid(Pid::from_raw(child.id().cast_signed()));
    let told = match waitid(child, WaitPidFlag::WEXITED)? {
        WaitStatus::Exited(_, code) => format!("exited, status {code}"),
        WaitStatus::Signaled(_, signal, _) => format!("killed by {signal}"),
        other => format!("{other:?}"),
    };
    println!("{:<8}{told}", fault.get_name());
    Ok(())
}

/// Starts a child for each way to end, and prints what waitid(2) says of it
#[derive(Parser)]
struct Arguments {
    /// Ends this process in this way instead
    fault: Option<Fault>,
}
