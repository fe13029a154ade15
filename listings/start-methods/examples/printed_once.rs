//! A solution: nothing waits in a buffer when the process is copied.

use std::io::{self, Write};
use std::process::{self, ExitCode};

use clap::Parser;
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, fork};

/// Prints part of a line, forks, and prints the rest
#[derive(Parser)]
struct Arguments {}

// ANCHOR: solution
fn print_and_fork() -> io::Result<()> {
    print!("printed once? ");
    io::stdout().flush()?;
    // SAFETY: this process has one thread, so the child may do all that it may.
    match unsafe { fork() }? {
        ForkResult::Child => {
            println!("by the child");
            process::exit(0);
        }
        ForkResult::Parent { child } => {
            waitpid(child, None)?;
            println!("by the parent");
        }
    }
    Ok(())
}
// ANCHOR_END: solution

fn main() -> ExitCode {
    command_line::run(|_: Arguments| print_and_fork())
}
