//! The experiment that the notes lack: forked workers that inherit the records.

use std::error::Error;
use std::ops::Range;
use std::process::ExitCode;
use std::sync::OnceLock;
use std::time::Instant;

use clap::Parser;
use data_sink::{load, ready, report, sum_in_workers};
use mem_trace::{MemoryUsage, check_output, in_huge_pages, mebibytes, trace};
use nix::sys::prctl::set_thp_disable;
use process_pool::{Pool, Slice, StartMethod, Tasks};
use records::{DataArguments, Record, batches, nansum, write_part};

// ANCHOR: inherit
/// The whole array, for workers that are forked after it was loaded.
static INHERITED: OnceLock<Slice<Record>> = OnceLock::new();

/// The task that the notes lack: a range comes, the records are there already.
fn process_inherited(range: Range<usize>) -> f64 {
    trace!("Received a range");
    let data = INHERITED.get().expect("forked after the data was loaded");
    let sum = nansum(&data[range]);
    trace!("Sending result back. {}", MemoryUsage::now());
    sum
}
// ANCHOR_END: inherit

fn main() -> ExitCode {
    Tasks::new()
        .add(process_inherited)
        .add_initializer(ready)
        .add(write_part)
        .serve_if_worker();
    command_line::run(sum)
}

/// Nothing is sent but ranges: each worker is forked with the array in its memory.
fn sum(Arguments { data, small_pages }: Arguments) -> Result<(), Box<dyn Error>> {
    if small_pages {
        // From here on no memory of this process is given in huge pages, whatever
        // it asks for (prctl(2), PR_SET_THP_DISABLE).
        set_thp_disable(true)?;
    }
    let workers = data.workers;
    let records = load(&data, 1.05)?;
    let ranges = batches(records.len(), workers);
    trace!(
        "{} MB of it in huge pages",
        mebibytes(in_huge_pages().unwrap_or(0))
    );
    INHERITED.set(records).expect("set once, here");
    trace!("Will use {workers} workers for {workers} batches.");

    let start = Instant::now();
    // A worker in the place of a lost one would not be forked from here, and have no array.
    let pool = Pool::builder(StartMethod::Fork)
        .workers(workers)
        .without_replacement();
    let total_sum = sum_in_workers(pool, process_inherited, ranges)?;
    report(start, total_sum);
    Ok(check_output()?)
}

/// Sums one field of many records in forked workers that inherit the records
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    data: DataArguments,

    /// Hold the records in small pages; huge ones are asked for otherwise
    #[arg(long)]
    small_pages: bool,
}
