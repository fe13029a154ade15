//! The same sum over memory that parent and workers share.

use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use mem_trace::{MemoryUsage, check_output, mark, trace};
use process_pool::{Pool, StartMethod, Tasks};
use records::{DataArguments, LostWorkers, write_part};
use shared_memory::{announce, process, ready, sealed_memory, sum_in_workers};

fn main() -> ExitCode {
    Tasks::new()
        .add(process)
        .add(write_part)
        .add_initializer(ready)
        .serve_if_worker();
    command_line::run(shared)
}

/// The notes' program: load, copy into shared memory, let the workers map it.
fn shared(Arguments { method, data, lost }: Arguments) -> Result<(), Box<dyn Error>> {
    // For a while there are the loaded records and the shared ones.
    let file = data.open(2.05)?;
    trace!("Loading data...");
    mark("loading");
    let loaded = file.load()?;
    announce(loaded.len(), data.workers);

    trace!("Copying data to shared memory... {}", MemoryUsage::now());
    mark("copying");
    // ANCHOR: shared
    let start = Instant::now();
    let memory = sealed_memory(&loaded)?;
    let copy_time_s = start.elapsed().as_secs_f64();
    trace!(
        "Copied. copy_time_s={copy_time_s:.3} {}",
        MemoryUsage::now()
    );
    let records = loaded.len();
    drop(loaded);

    let pool = lost.of(Pool::builder(method));
    sum_in_workers(memory.into(), 0, records, data.workers, pool)?;
    // ANCHOR_END: shared
    Ok(check_output()?)
}

/// Sums one field of many records in memory that every worker maps
#[derive(Parser)]
struct Arguments {
    /// How the workers come to be: fork, spawn or fork-server
    #[arg(default_value = "fork")]
    method: StartMethod,

    #[command(flatten)]
    data: DataArguments,

    #[command(flatten)]
    lost: LostWorkers,
}
