//! Your version: the spawned child is to begin with its parent's state.

use std::io::{self, Write};
use std::process::{Command, ExitCode};
use std::sync::{Mutex, PoisonError};

use clap::Parser;

/// Starts a child that tells which state it begins with
#[derive(Parser)]
struct Arguments {
    /// Be the child
    #[arg(long)]
    child: bool,
}

static STATE: Mutex<&str> = Mutex::new("as in the program file");

fn main() -> ExitCode {
    command_line::run(|arguments: Arguments| {
        if arguments.child {
            println!("The child begins with: {}", state());
            return Ok(());
        }
        start()
    })
}

fn start() -> io::Result<()> {
    *STATE.lock().unwrap_or_else(PoisonError::into_inner) = "changed by the parent";
    println!("The parent has: {}", state());
    io::stdout().flush()?;
    let status = Command::new("/proc/self/exe").arg("--child").status()?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!("the child ended with {status}")))
    }
}

fn state() -> &'static str {
    *STATE.lock().unwrap_or_else(PoisonError::into_inner)
}
