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
use transports::contender::{Records, Task};
use transports::sum;

fn main() -> ExitCode {
    command_line::run(|arguments: Arguments| match arguments.way {
        Way::Sum => arguments.task.measure(sums),
        Way::Read => arguments.task.measure_apart(
            |records| Ok(read(records.bytes())),
            |records, _| sums(records),
        ),
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

/// One word of each cache line: all the memory has to come, and nothing else is done.
fn read(bytes: &[u8]) -> u64 {
    let words: &[u64] = bytemuck::cast_slice(bytes);
    let (lines, _) = words.as_chunks::<8>();
    black_box(lines.iter().fold(0, |all, line| all ^ line[0]))
}
