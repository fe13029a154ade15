//! A worker that is killed in the middle of its batch.

use std::error::Error;
use std::time::Instant;

use mem_trace::trace;
use nix::sys::signal::{Signal, raise};
use process_pool::{Error as PoolError, Pool, Slice, StartMethod};
use records::{DataArguments, Record, batches, nansum};

use crate::{load, report};

// ANCHOR: killed
/// The notes' task, in a worker that may come to nothing.
pub fn process_or_be_killed((batch, killed): (Slice<Record>, bool)) -> f64 {
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

/// One batch, in the middle of all, kills the worker that has it; `again` sends it
/// once more.
pub fn sum(arguments: &DataArguments, again: bool) -> Result<(), Box<dyn Error>> {
    let workers = arguments.workers;
    let data = load(arguments, 2.1)?;
    let start = Instant::now();
    let pool = Pool::builder(StartMethod::Spawn).workers(workers).start()?;
    let mut tasks = Vec::new();
    for (i, range) in batches(data.len(), workers).enumerate() {
        let batch = data.part(range);
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
    Ok(())
}
// ANCHOR_END: killed
