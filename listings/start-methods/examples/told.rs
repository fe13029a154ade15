//! A solution: the parent sends a spawned child what it should know.

use std::env;
use std::io::{self, Write};
use std::process::{Command, ExitCode};

use clap::Parser;

/// Starts a child that finds its parent's state in the environment
#[derive(Parser)]
struct Arguments {}

const STATE: &str = "BOOK_STATE";

// ANCHOR: solution
fn main() -> ExitCode {
    // The child knows itself by the variable that its parent has set.
    if let Ok(state) = env::var(STATE) {
        println!("The child begins with: {state}");
        return ExitCode::SUCCESS;
    }
    command_line::run(|_: Arguments| start())
}

fn start() -> io::Result<()> {
    let state = "changed by the parent";
    println!("The parent has: {state}");
    io::stdout().flush()?;
    let status = Command::new("/proc/self/exe").env(STATE, state).status()?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!("the child ended with {status}")))
    }
}
// ANCHOR_END: solution
