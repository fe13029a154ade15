//! Row 5 of the notes' table: descriptors, their ends, offsets and locks.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use start_methods::{children, descriptors};

/// Descriptors that a child never asked for
#[derive(Parser)]
struct Arguments {}

fn main() -> ExitCode {
    children::answer_if_asked(&[descriptors::OPEN_FILES, descriptors::READ_FOUR]);
    command_line::run(|_: Arguments| -> Result<(), Box<dyn Error>> {
        Ok(descriptors::measure()?.print()?)
    })
}
