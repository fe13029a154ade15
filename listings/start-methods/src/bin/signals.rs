//! Row 6 of the notes' table: handlers, masks, pending signals.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use start_methods::signals;

/// Five things set in the parent, and what a child has of each
#[derive(Parser)]
struct Arguments {}

fn main() -> ExitCode {
    command_line::run(|_: Arguments| -> Result<(), Box<dyn Error>> {
        Ok(signals::measure()?.print()?)
    })
}
