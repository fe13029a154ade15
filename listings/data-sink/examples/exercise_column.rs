//! Your version: the workers are to be sent a third of the bytes.

use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use data_sink::FreeMemory;
use mem_trace::{mebibytes, trace};
use process_pool::{Pool, Slice, StartMethod, Tasks};
use records::{DataArguments, Record, batches, nansum, write_part};

/// Sums one field of many records in workers
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    data: DataArguments,
}

fn main() -> ExitCode {
    Tasks::new().add(process).add(write_part).serve_if_worker();
    command_line::run(|arguments: Arguments| sum(&arguments.data))
}

fn process(records: Slice<Record>) -> f64 {
    trace!("Received data");
    let sum = nansum(&records);
    trace!("Sending result back.");
    sum
}

/// The timer contains all that is done with the records, once they are loaded.
fn sum(arguments: &DataArguments) -> Result<(), Box<dyn Error>> {
    // The records, and their parts in the workers.
    let records = arguments.open(2.1)?.load()?;
    FreeMemory::Warm.prepare(size_of_val(&records[..]))?;

    let start = Instant::now();
    let bytes = size_of_val(&records[..]) as u64;
    trace!("Sending {} MB.", mebibytes(bytes));
    let pool = Pool::builder(StartMethod::Spawn)
        .workers(arguments.workers)
        .start()?;
    let parts = batches(records.len(), arguments.workers).map(|range| records.part(range));
    let total_sum: f64 = pool.map(process, parts)?.iter().sum();
    drop(pool);
    let total_time_s = start.elapsed().as_secs_f64();
    trace!("total_time_s={total_time_s:.3} total_sum={total_sum}");
    Ok(())
}
