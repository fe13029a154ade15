//! Row 4 of the notes' table: what exists where.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use start_methods::{children, portability};

/// Tries what this book uses of the system
#[derive(Parser)]
struct Arguments {}

fn main() -> ExitCode {
    children::answer_if_asked(&[portability::PARENT]);
    command_line::run(|_: Arguments| -> Result<(), Box<dyn Error>> {
        Ok(portability::measure()?.print()?)
    })
}
