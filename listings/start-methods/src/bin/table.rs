//! The notes' table, each row of it an experiment.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use process_pool::Tasks;
use start_methods::findings::Findings;
use start_methods::{
    children, copy_on_write, cost, descriptors, memory, portability, security, signals,
};

/// The rows of the notes' table, with what this machine makes of each
#[derive(Parser)]
struct Arguments {
    /// The most memory that the parent takes in the rows of memory and cost, in MiB
    #[arg(long, value_name = "MIB", default_value = "4096", value_parser = command_line::count::<1_048_576>)]
    most: usize,
}

/// An experiment in a parent of at most so many MiB.
type Experiment = fn(usize) -> Result<Findings, Box<dyn Error>>;

/// The rows, in the notes' order.
const ROWS: [Experiment; 7] = [
    memory::measure,
    |_| copy_on_write::measure(),
    cost::measure,
    |_| Ok(portability::measure()?),
    |_| descriptors::measure(),
    |_| signals::measure(),
    |_| security::measure(),
];

fn main() -> ExitCode {
    // The cost is timed from outside: nothing comes above it.
    children::answer_if_asked(&[
        cost::NOTHING,
        copy_on_write::SHARED_FILES,
        descriptors::OPEN_FILES,
        descriptors::READ_FOUR,
        portability::PARENT,
        security::ADDRESSES,
        security::ENVIRONMENT,
    ]);
    Tasks::new().add(memory::step).serve_if_worker();
    command_line::run(run)
}

fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    for row in ROWS {
        let findings = row(arguments.most)?;
        io::stdout().write_all(format!("{}\n\n", findings.row).as_bytes())?;
    }
    Ok(())
}
