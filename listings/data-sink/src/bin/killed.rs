//! A worker that is killed in the middle of its batch.

use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use data_sink::{load, report};
use mem_trace::{check_output, trace};
use nix::sys::signal::{Signal, raise};
use process_pool::{Error as PoolError, Pool, Slice, StartMethod, Tasks};
use records::{DataArguments, Record, batches, nansum, write_part};

fn main() -> ExitCode {
    Tasks::new()
        .add(process_or_be_killed)
        .add(write_part)
        .serve_if_worker();
    command_line::run(sum)
}

// ANCHOR: killed
// ANCHOR: task
/// The notes' task, in a worker that may come to nothing.
fn process_or_be_killed((batch, killed): (Slice<Record>, bool)) -> f64 {
    trace!("Received data");
    if killed {
        // What the out-of-memory killer sends. No process can catch, block or
        // ignore it (signal(7)), so there is nobody left to go on from here.
        let _ = raise(Signal::SIGKILL);
    }
    let sum = nansum(&batch);
    trace!("Sending result back.");
    sum
}
// ANCHOR_END: task

/// One batch, in the middle of all, kills the worker that has it; `again` sends it
/// once more.
fn sum(Arguments { data, again }: Arguments) -> Result<(), Box<dyn Error>> {
    let workers = data.workers;
    let records = load(&data, 2.1)?;
    let start = Instant::now();
    let pool = Pool::builder(StartMethod::Spawn).workers(workers).start()?;
    let mut tasks = Vec::new();
    for (i, range) in batches(records.len(), workers).enumerate() {
        let batch = records.part(range);
        let task = pool.submit(process_or_be_killed, (batch.clone(), i == workers / 2))?;
        tasks.push((batch, task));
    }
    let mut total_sum = 0.0;
    for (batch, task) in tasks {
        total_sum += match task.wait() {
            Err(lost @ PoolError::WorkerLost { .. }) if again => {
                trace!("{lost}. Sending its batch again.");
                pool.submit(process_or_be_killed, (batch, false))?.wait()?
            }
            result => result?,
        };
    }
    drop(pool);
    report(start, total_sum);
    Ok(check_output()?)
}
// ANCHOR_END: killed

/// Sums one field of many records in spawned workers, of which one is killed with its batch
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    data: DataArguments,

    /// Send the batch of the killed worker again, to another
    #[arg(long)]
    again: bool,
}
