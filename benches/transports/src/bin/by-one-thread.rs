//! No worker at all: one thread sums the records, or reads them and does no more, which is
//! what the memory allows.
//!
//! ```text
//! cargo run --release -p transports --bin by-one-thread -- read
//! ```

use std::hint::black_box;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use records::read_each_line;
use transports::contender::{Records, Task};
use transports::{records_in, sum};

fn main() -> ExitCode {
    command_line::run(|arguments: Arguments| match arguments.way {
        Way::Sum => arguments.task.measure(sums),
        Way::Read => arguments
            .task
            .measure_apart(|records| read(records.bytes()), |records, _| sums(records)),
    })
}

/// Sums the parts in one thread
#[derive(Parser)]
struct Arguments {
    way: Way,

    #[command(flatten)]
    task: Task,
}

#[derive(Clone, Copy, ValueEnum)]
enum Way {
    /// The sums are timed
    Sum,
    /// A read of each cache line is timed; the sums come after
    Read,
}

fn sums(records: &Records) -> Result<Vec<f64>> {
    records.parts().iter().map(|part| sum(part)).collect()
}

fn read(bytes: &[u8]) -> Result<u64> {
    Ok(black_box(read_each_line(records_in(bytes)?)))
}
