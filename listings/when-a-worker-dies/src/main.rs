//! The same endings in a pool: each is the error of one call.

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use process_pool::{Pool, StartMethod, Tasks};
use when_a_worker_dies::fault::{Fault, end};

fn double(x: u64) -> u64 {
    2 * x
}

fn main() -> ExitCode {
    Tasks::new().add(end).add(double).serve_if_worker();
    command_line::run(|arguments: Arguments| call_each(arguments.method))
}

fn call_each(method: StartMethod) -> Result<(), Box<dyn Error>> {
    // One place, so that each worker's name tells which one it is.
    let pool = Pool::builder(method).workers(1).start()?;
    for fault in Fault::value_variants() {
        match pool.submit(end, *fault)?.wait() {
            Ok(still_here) => println!("{still_here}"),
            Err(error) => println!("{error}"),
        }
    }
    println!("twice 21 is {}", pool.submit(double, 21)?.wait()?);
    let statistics = pool.statistics();
    println!(
        "calls: {}, replacements: {}",
        statistics.calls, statistics.replacements
    );
    Ok(())
}

/// Has a pool's worker end in each of seven ways, and prints the error that the caller gets
#[derive(Parser)]
struct Arguments {
    /// How the workers come to be: fork, spawn or fork-server
    #[arg(default_value = "spawn")]
    method: StartMethod,
}
