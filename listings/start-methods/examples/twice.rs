//! A solution: text that waits in a buffer is copied by a fork.

use std::io::{self, Write};
use std::process::{self, ExitCode};

use clap::Parser;
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, fork};

/// Prints part of a line, forks, and prints the rest
#[derive(Parser)]
struct Arguments {
    /// Empty the buffer before the fork
    #[arg(long)]
    flush: bool,
}

// ANCHOR: solution
fn print_and_fork(flush: bool) -> io::Result<()> {
    print!("printed once? ");
    if flush {
        io::stdout().flush()?;
    }
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
    command_line::run(|arguments: Arguments| print_and_fork(arguments.flush))
}
