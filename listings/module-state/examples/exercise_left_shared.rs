//! Your version: four forked workers read their parent's objects, and leave them shared.

use std::error::Error;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use clap::Parser;
use mem_trace::{check_output, trace};
use process_pool::{Pool, StartMethod, Tasks};

/// Has four forked workers add up their parent's objects
#[derive(Parser)]
struct Arguments {}

const WORKERS: usize = 4;

/// The objects. In front of each lies the count of the references to it.
static OBJECTS: OnceLock<Vec<Arc<[u64; 6]>>> = OnceLock::new();

fn objects() -> &'static [Arc<[u64; 6]>] {
    OBJECTS.get_or_init(|| (0..400_000).map(|n| Arc::new([n; 6])).collect())
}

/// The task: chooses the objects of a part, every fourth one, and adds them up.
fn add_up(part: usize) -> u64 {
    let chosen: Vec<Arc<[u64; 6]>> = objects()
        .iter()
        .skip(part)
        .step_by(WORKERS)
        .map(Arc::clone)
        .collect();
    let sum = chosen.iter().map(|object| object[0]).sum();
    trace!("{} objects of part {part}, sum {sum}", chosen.len());
    sum
}

fn run(_: Arguments) -> Result<(), Box<dyn Error>> {
    trace!("{} objects", objects().len());
    let pool = Pool::builder(StartMethod::Fork).workers(WORKERS).start()?;
    let sums = pool.map(add_up, 0..WORKERS)?;
    drop(pool);
    trace!("All: {}", sums.iter().sum::<u64>());
    Ok(check_output()?)
}

fn main() -> ExitCode {
    Tasks::new().add(add_up).serve_if_worker();
    command_line::run(run)
}
