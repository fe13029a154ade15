//! Row 1 of the notes' table: what parent and child need together.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use process_pool::Tasks;
use start_methods::memory;

/// Half a gibibyte in the parent, and a child by each method that uses it
#[derive(Parser)]
struct Arguments {
    /// The most memory that the parent takes, in MiB
    #[arg(long, value_name = "MIB", default_value = "4096", value_parser = command_line::count::<1_048_576>)]
    most: usize,
}

fn main() -> ExitCode {
    Tasks::new().add(memory::step).serve_if_worker();
    command_line::run(|arguments: Arguments| -> Result<(), Box<dyn Error>> {
        Ok(memory::measure(arguments.most)?.print()?)
    })
}
