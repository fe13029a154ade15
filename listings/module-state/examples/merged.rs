//! A solution: what a worker changes comes back as its result, and the parent adds it.

use std::error::Error;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use clap::Parser;
use mem_trace::trace;
use process_pool::{Pool, StartMethod, Tasks};

/// Collects the updates of two workers in their parent's list
#[derive(Parser)]
struct Arguments {
    /// How the workers come to be: fork, spawn or fork-server
    #[arg(default_value = "spawn")]
    run: StartMethod,
}

fn main() -> ExitCode {
    Tasks::new().add(update).serve_if_worker();
    command_line::run(|arguments: Arguments| collect(arguments.run))
}

// ANCHOR: solution
/// Nothing of the worker's own memory matters: the update is the result.
fn update(count: u64) -> String {
    sleep(Duration::from_millis(100 * count));
    trace!("Makes update {count}");
    format!("Child process {count} update")
}

fn collect(method: StartMethod) -> Result<(), Box<dyn Error>> {
    let mut list = vec!["Initial value".to_string()];
    list.push("Parent process update".to_string());
    let pool = Pool::builder(method).workers(2).start()?;
    list.extend(pool.map(update, 1..=2)?);
    trace!("List finally: {list:?}");
    Ok(())
}
// ANCHOR_END: solution
