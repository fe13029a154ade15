//! A solution: how often the code above the guard runs, by start method.

use std::error::Error;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use clap::Parser;
use mem_trace::trace;
use process_pool::{Pool, StartMethod, Tasks};

/// Shows which processes come by the top of main
#[derive(Parser)]
struct Arguments {
    /// How the workers come to be: fork, spawn or fork-server
    #[arg(default_value = "fork-server")]
    run: StartMethod,
}

// ANCHOR: solution
fn main() -> ExitCode {
    trace!("Above the guard");
    Tasks::new().add(greet).serve_if_worker();
    command_line::run(|arguments: Arguments| greet_four(arguments.run))
}

/// Long enough for each worker to take one.
fn greet(_: u64) {
    sleep(Duration::from_millis(100));
    trace!("In a task");
}

fn greet_four(method: StartMethod) -> Result<(), Box<dyn Error>> {
    let pool = Pool::builder(method).workers(4).start()?;
    pool.map(greet, 1..=4)?;
    Ok(())
}
// ANCHOR_END: solution
