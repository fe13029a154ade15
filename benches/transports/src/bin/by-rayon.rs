//! No process: two threads of rayon over the records in memory, or over their mapped file.
//!
//! ```text
//! cargo run --release -p transports --bin by-rayon -- memory
//! ```

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use memmap2::MmapOptions;
use rayon::ThreadPoolBuilder;
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use records::DataFile;
use transports::contender::{Task, byte_ranges};
use transports::{PARTS, WORKERS, sum};

fn main() -> ExitCode {
    command_line::run(|arguments: Arguments| match arguments.way {
        Way::Memory => arguments
            .task
            .measure(|records| in_threads(records.bytes())),
        Way::File => arguments.task.measure_file(mapped),
    })
}

/// Sums the parts in threads of rayon
#[derive(Parser)]
struct Arguments {
    way: Way,

    #[command(flatten)]
    task: Task,
}

#[derive(Clone, Copy, ValueEnum)]
enum Way {
    /// The records that this process has in its memory
    Memory,
    /// The file, mapped
    File,
}

fn mapped(file: DataFile) -> Result<Vec<f64>> {
    let (offset, length) = (file.offset(), file.bytes() as usize);
    let mut options = MmapOptions::new();
    options.offset(offset).len(length);
    // SAFETY: the file is one that its mode lets nobody write to.
    let bytes = unsafe { options.map(&file.into_file()) }?;
    in_threads(&bytes)
}

fn in_threads(bytes: &[u8]) -> Result<Vec<f64>> {
    let threads = ThreadPoolBuilder::new().num_threads(WORKERS).build()?;
    let records = bytes.len() / size_of::<records::Record>();
    let ranges: Vec<_> = byte_ranges(records, PARTS).collect();
    threads.install(|| {
        let sums = ranges.into_par_iter().map(|range| sum(&bytes[range]));
        sums.collect()
    })
}
