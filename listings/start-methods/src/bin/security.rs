//! Row 7 of the notes' table: addresses, secrets, random numbers.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use start_methods::{children, security};

/// What a child knows that it should not
#[derive(Parser)]
struct Arguments {}

fn main() -> ExitCode {
    children::answer_if_asked(&[security::ADDRESSES, security::ENVIRONMENT]);
    command_line::run(|_: Arguments| -> Result<(), Box<dyn Error>> {
        Ok(security::measure()?.print()?)
    })
}
