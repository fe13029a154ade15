//! Row 2 of the notes' table: what one write copies after a fork.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use start_methods::{children, copy_on_write};

/// Writes after a fork, in the child and in the parent
#[derive(Parser)]
struct Arguments {}

fn main() -> ExitCode {
    children::answer_if_asked(&[copy_on_write::SHARED_FILES]);
    command_line::run(|_: Arguments| -> Result<(), Box<dyn Error>> {
        Ok(copy_on_write::measure()?.print()?)
    })
}
