//! Objects that a forked worker only reads: by reference, and by clones of an `Arc`.

use std::error::Error;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use clap::Parser;
use mem_trace::{check_output, trace};
use nix::sys::resource::{UsageWho, getrusage};
use process_pool::{Pool, StartMethod, Tasks};

// ANCHOR: read
/// The objects. In front of each lies the count of the references to it.
static OBJECTS: OnceLock<Vec<Arc<[u64; 6]>>> = OnceLock::new();

/// The task: a sum over all objects, twice, and how many page faults it took.
fn add_up((): ()) -> u64 {
    let objects = OBJECTS.get().map_or(&[][..], Vec::as_slice);
    let before = faults();
    let by_reference: u64 = objects.iter().map(|object| object[0]).sum();
    let between = faults();
    let by_clone: u64 = objects.iter().map(|object| Arc::clone(object)[0]).sum();
    let after = faults();
    trace!("Read by reference: {} page faults", between - before);
    trace!("Read by clones:    {} page faults", after - between);
    by_reference + by_clone
}
// ANCHOR_END: read

/// The minor page faults of this process (getrusage(2)).
fn faults() -> i64 {
    getrusage(UsageWho::RUSAGE_SELF).map_or(0, |usage| usage.minor_page_faults())
}

fn main() -> ExitCode {
    Tasks::new().add(add_up).serve_if_worker();
    command_line::run(run)
}

fn run(_: Arguments) -> Result<(), Box<dyn Error>> {
    let objects = OBJECTS.get_or_init(|| (0..100_000).map(|n| Arc::new([n; 6])).collect());
    let mut pages: Vec<_> = objects
        .iter()
        .map(|object| Arc::as_ptr(object).addr() / 4096)
        .collect();
    pages.dedup();
    trace!("{} objects on {} pages", objects.len(), pages.len());
    let pool = Pool::builder(StartMethod::Fork).workers(1).start()?;
    pool.map(add_up, [()])?;
    drop(pool);
    Ok(check_output()?)
}

/// Has a forked worker read its parent's objects, and counts the pages that it copies
#[derive(Parser)]
struct Arguments {}
