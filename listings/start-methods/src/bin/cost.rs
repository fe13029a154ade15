//! Row 3 of the notes' table: what starting a child costs, by the size of its parent.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use process_pool::Tasks;
use start_methods::{children, cost};

/// Starts a child that ends at once, in each way and at each size of the parent
#[derive(Parser)]
struct Arguments {
    /// The most memory that the parent takes, in MiB
    #[arg(long, value_name = "MIB", default_value = "4096", value_parser = command_line::count::<1_048_576>)]
    most: usize,
}

fn main() -> ExitCode {
    // Timed from outside: nothing comes above it.
    children::answer_if_asked(&[cost::NOTHING]);
    Tasks::new().serve_if_worker();
    command_line::run(|arguments: Arguments| -> Result<(), Box<dyn Error>> {
        Ok(cost::measure(arguments.most)?.print()?)
    })
}
