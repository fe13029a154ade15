//! The notes' data sink: a large array, cut into batches that workers sum.

use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use command_line::count;
use data_sink::{FreeMemory, load, ready, report, sum_in_workers};
use mem_trace::{MemoryUsage, check_output, trace};
use process_pool::{Pool, Slice, StartMethod, Tasks};
use records::{DataArguments, LostWorkers, MOST_RECORDS, Record, batches, nansum, write_part};

// ANCHOR: process
/// The notes' task: the records come with it.
fn process(batch: Slice<Record>) -> f64 {
    trace!("Received data");
    let sum = nansum(&batch);
    trace!("Sending result back. {}", MemoryUsage::now());
    sum
}
// ANCHOR_END: process

fn main() -> ExitCode {
    Tasks::new()
        .add(process)
        .add_initializer(ready)
        .add(write_part)
        .serve_if_worker();
    command_line::run(through_the_pipe)
}

// ANCHOR: pipe
/// The notes' program: every batch is sent to the worker that sums it.
fn through_the_pipe(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let workers = arguments.data.workers;
    let count = arguments.batches.unwrap_or(workers);
    // Once here, and once more in the workers' batches together.
    let data = load(&arguments.data, 2.1)?;
    trace!("Will use {workers} workers for {count} batches.");

    // What the workers will receive, together.
    arguments.free_memory().prepare(size_of_val(&data[..]))?;
    let start = Instant::now();
    let mut pool = arguments
        .lost
        .of(Pool::builder(arguments.method).workers(workers));
    if arguments.one_feeder {
        pool = pool.serial_sends();
    }
    let parts = batches(data.len(), count).map(|range| data.part(range));
    let total_sum = sum_in_workers(pool, process, parts)?;
    report(start, total_sum);
    Ok(check_output()?)
}
// ANCHOR_END: pipe

/// Sums one field of many records in workers that the records are sent to
#[derive(Parser)]
struct Arguments {
    /// How the workers come to be: fork, spawn or fork-server
    #[arg(default_value = "fork")]
    method: StartMethod,

    #[command(flatten)]
    data: DataArguments,

    #[command(flatten)]
    lost: LostWorkers,

    /// Batches to cut the records into [default: one for each worker]
    #[arg(long, value_name = "N", value_parser = count::<MOST_RECORDS>)]
    batches: Option<usize>,

    /// Leave the free memory alone for five seconds, which is touched otherwise
    #[arg(long)]
    cold: bool,

    /// Send to one worker at a time, as Python's pools do
    #[arg(long)]
    one_feeder: bool,
}

impl Arguments {
    fn free_memory(&self) -> FreeMemory {
        if self.cold {
            FreeMemory::Cold
        } else {
            FreeMemory::Warm
        }
    }
}
