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
    for fault in Fault::value_variants() {
        let pool = Pool::builder(method).workers(1).start()?;
        match pool.submit(end, *fault)?.wait() {
            Ok(still_here) => println!("{still_here}"),
            Err(error) => println!("{error}"),
        }
    }
    let pool = Pool::builder(method).workers(1).start()?;
    println!("twice 21 is {}", pool.submit(double, 21)?.wait()?);
    Ok(())
}

/// Has a pool's worker end in each of seven ways, and prints what the caller is told
#[derive(Parser)]
struct Arguments {
    /// How the workers come to be: fork, spawn or fork-server
    #[arg(default_value = "spawn")]
    method: StartMethod,
}
