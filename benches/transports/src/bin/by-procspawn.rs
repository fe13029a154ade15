//! The pool of the crate procspawn, called by a thread for each of its workers.
//!
//! ```text
//! cargo run --release -p transports --bin by-procspawn
//! ```

use std::process::ExitCode;

use anyhow::{Error, Result};
use bytes::Bytes;
use clap::Parser;
use procspawn::Pool;
use transports::contender::{Records, Task};
use transports::{WORKERS, workers};

fn main() -> ExitCode {
    procspawn::init();
    command_line::run(|arguments: Arguments| arguments.task.measure(sums))
}

/// Sums the parts in procspawn's pool
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    task: Task,
}

fn sums(records: &Records) -> Result<Vec<f64>> {
    let pool = Pool::new(WORKERS)?;
    let sums = workers::feed(
        records,
        |_number| Ok(&pool),
        |pool, part| {
            let sum = pool.spawn(part, sum).join()?;
            sum.map_err(Error::msg)
        },
        |_pool| Ok(()),
    );
    pool.shutdown();
    sums
}

fn sum(part: Bytes) -> Result<f64, String> {
    transports::sum(&part).map_err(|error| error.to_string())
}
