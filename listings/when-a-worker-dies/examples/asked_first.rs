//! A solution: an allocation that asks, and a task that says what it was refused.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use nix::sys::resource::{Resource, setrlimit};
use process_pool::{Pool, StartMethod, Tasks};

/// Asks for more memory than a worker may have, and gets an error
#[derive(Parser)]
struct Arguments {}

fn main() -> ExitCode {
    Tasks::new().add(fill).serve_if_worker();
    command_line::run(|_: Arguments| ask())
}

// ANCHOR: solution
const LIMIT: u64 = 1 << 30;

/// How many bytes it has filled.
fn fill(bytes: usize) -> Result<usize, String> {
    setrlimit(Resource::RLIMIT_AS, LIMIT, LIMIT).map_err(|error| error.to_string())?;
    let mut memory: Vec<u8> = Vec::new();
    memory
        .try_reserve_exact(bytes)
        .map_err(|error| format!("no room for {bytes} bytes: {error}"))?;
    memory.resize(bytes, 1);
    Ok(memory.len())
}

fn ask() -> Result<(), Box<dyn Error>> {
    let pool = Pool::builder(StartMethod::Spawn).workers(1).start()?;
    for bytes in [2 * LIMIT as usize, 1 << 20] {
        match pool.submit(fill, bytes)?.wait()? {
            Ok(filled) => println!("{filled} bytes filled"),
            Err(refused) => println!("the worker says: {refused}"),
        }
    }
    println!("replacements: {}", pool.statistics().replacements);
    Ok(())
}
// ANCHOR_END: solution
