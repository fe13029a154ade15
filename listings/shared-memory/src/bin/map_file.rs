//! The same sum over the data file itself, which spawned workers map.

use std::error::Error;
use std::os::fd::OwnedFd;
use std::process::ExitCode;

use clap::Parser;
use mem_trace::check_output;
use process_pool::{Pool, StartMethod, Tasks};
use records::{DataArguments, LostWorkers, write_part};
use shared_memory::{announce, process, ready, sum_in_workers};

fn main() -> ExitCode {
    Tasks::new()
        .add(process)
        .add(write_part)
        .add_initializer(ready)
        .serve_if_worker();
    command_line::run(mapped)
}

// ANCHOR: file
/// No copy at all: the workers map the data file.
fn mapped(Arguments { data, lost }: Arguments) -> Result<(), Box<dyn Error>> {
    let file = data.open(0.0)?;
    file.require_read_only()?;
    let (offset, records) = (file.offset(), file.records());
    announce(records, data.workers);
    let memory = OwnedFd::from(file.into_file());
    let pool = lost.of(Pool::builder(StartMethod::Spawn));
    sum_in_workers(memory.into(), offset, records, data.workers, pool)?;
    Ok(check_output()?)
}
// ANCHOR_END: file

/// Sums one field of many records in the data file that every worker maps
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    data: DataArguments,

    #[command(flatten)]
    lost: LostWorkers,
}
