//! Your version: a task that is refused memory is to say so, and its worker to take the next call.

use std::error::Error;
use std::hint::black_box;
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

const LIMIT: u64 = 1 << 30;

/// How many bytes it has filled.
fn fill(bytes: usize) -> Result<usize, String> {
    setrlimit(Resource::RLIMIT_AS, LIMIT, LIMIT).map_err(|error| error.to_string())?;
    let memory: Vec<u8> = vec![1; bytes];
    // The compiler must not do without the memory.
    Ok(black_box(memory).len())
}

fn ask() -> Result<(), Box<dyn Error>> {
    let pool = Pool::builder(StartMethod::Spawn).workers(1).start()?;
    for bytes in [2 * LIMIT as usize, 1 << 20] {
        match pool.submit(fill, bytes)?.wait() {
            Ok(Ok(filled)) => println!("{filled} bytes filled"),
            Ok(Err(refused)) => println!("the worker says: {refused}"),
            Err(lost) => println!("the pool says: {lost}"),
        }
    }
    println!("replacements: {}", pool.statistics().replacements);
    Ok(())
}
