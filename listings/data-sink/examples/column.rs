//! A solution: the workers are sent the values alone.

use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use data_sink::FreeMemory;
use mem_trace::{mebibytes, trace};
use process_pool::{Pool, Slice, StartMethod, Tasks};
use records::{DataArguments, batches, column, nansum_column, write_part};

/// Sums one field of many records, sent as a column of its own
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    data: DataArguments,
}

fn main() -> ExitCode {
    Tasks::new().add(process).add(write_part).serve_if_worker();
    command_line::run(|arguments: Arguments| sum(&arguments.data))
}

// ANCHOR: solution
fn process(values: Slice<f64>) -> f64 {
    trace!("Received data");
    let sum = nansum_column(&values);
    trace!("Sending result back.");
    sum
}

/// The timer contains the copy into the column too.
fn sum(arguments: &DataArguments) -> Result<(), Box<dyn Error>> {
    // The records, the column, and its parts in the workers.
    let records = arguments.open(1.7)?.load()?;
    FreeMemory::Warm.prepare(size_of_val(&records[..]))?;

    let start = Instant::now();
    let values = Slice::from(column(&records));
    let copy_out_time_s = start.elapsed().as_secs_f64();
    let bytes = size_of_val(&values[..]) as u64;
    trace!("Sending {} MB.", mebibytes(bytes));
    let pool = Pool::builder(StartMethod::Spawn)
        .workers(arguments.workers)
        .start()?;
    let parts = batches(values.len(), arguments.workers).map(|range| values.part(range));
    let total_sum: f64 = pool.map(process, parts)?.iter().sum();
    drop(pool);
    let total_time_s = start.elapsed().as_secs_f64();
    trace!("copy_out_time_s={copy_out_time_s:.3}");
    trace!("total_time_s={total_time_s:.3} total_sum={total_sum}");
    Ok(())
}
// ANCHOR_END: solution
