//! A solution: fork first, then start threads.

use std::error::Error;
use std::process::ExitCode;
use std::thread;

use clap::Parser;
use process_pool::{Pool, StartMethod, Tasks};

/// Starts a pool and a thread, in the order that works
#[derive(Parser)]
struct Arguments {
    /// The thread first
    #[arg(long)]
    thread_first: bool,
}

fn double(x: u64) -> u64 {
    2 * x
}

// ANCHOR: solution
fn start(thread_first: bool) -> Result<(), Box<dyn Error>> {
    let pool = || Pool::builder(StartMethod::Fork).workers(2).start();
    let park = || {
        thread::spawn(|| {
            loop {
                thread::park()
            }
        })
    };
    let pool = if thread_first {
        park();
        pool()?
    } else {
        let pool = pool()?;
        park();
        pool
    };
    println!("{:?}", pool.map(double, [20, 21])?);
    Ok(())
}
// ANCHOR_END: solution

fn main() -> ExitCode {
    Tasks::new().add(double).serve_if_worker();
    command_line::run(|arguments: Arguments| start(arguments.thread_first))
}
