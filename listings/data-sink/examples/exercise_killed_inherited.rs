//! Your version: one of four workers is killed, and the sum is to be exact all the same.

use std::error::Error;
use std::ops::Range;
use std::process::ExitCode;
use std::sync::OnceLock;

use clap::Parser;
use mem_trace::trace;
use nix::sys::signal::{Signal, raise};
use process_pool::{Pool, StartMethod, Tasks};
use records::{Record, batches, nansum};

/// Sums one field of four million records by four forked workers, of which one is killed
#[derive(Parser)]
struct Arguments {}

const WORKERS: usize = 4;

/// The records, for workers that are forked when they are there.
static RECORDS: OnceLock<Vec<Record>> = OnceLock::new();

/// A third of the values is 1, and a third is no number.
fn made() -> Vec<Record> {
    let value = |index| [0.0, 1.0, f64::NAN][index as usize % 3];
    (0..4_000_000)
        .map(|index| Record {
            index,
            timestamp: 0,
            val: value(index),
        })
        .collect()
}

/// The task: a range of the records that this worker has, unless it is killed.
fn sum((range, killed): (Range<usize>, bool)) -> f64 {
    if killed {
        let _ = raise(Signal::SIGKILL);
    }
    let records = RECORDS.get().expect("forked when the records were there");
    nansum(&records[range])
}

fn add_up() -> Result<(), Box<dyn Error>> {
    let records = RECORDS.get_or_init(made);
    let pool = Pool::builder(StartMethod::Fork).workers(WORKERS).start()?;
    let ranges = batches(records.len(), WORKERS).enumerate();
    let total_sum: f64 = pool
        .map(sum, ranges.map(|(i, range)| (range, i == 2)))?
        .into_iter()
        .sum();
    trace!("total_sum={total_sum}");
    Ok(())
}

fn main() -> ExitCode {
    Tasks::new().add(sum).serve_if_worker();
    command_line::run(|_: Arguments| add_up())
}
