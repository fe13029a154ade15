//! A solution: fork first, then start threads.

use std::error::Error;
use std::fs;
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

// ANCHOR: solution
/// The task.
fn double(x: u64) -> u64 {
    println!("{} doubles {x}", mem_trace::name());
    2 * x
}

fn threads() -> usize {
    fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

fn start(thread_first: bool) -> Result<(), Box<dyn Error>> {
    let pool = || Pool::builder(StartMethod::Fork).workers(2).start();
    let park = || {
        thread::spawn(|| {
            loop {
                thread::park()
            }
        })
    };
    if thread_first {
        park();
    }
    println!("Threads at the forks: {}", threads());
    let pool = pool()?;
    if !thread_first {
        park();
    }
    println!("Threads after them: {}", threads());
    println!("{:?}", pool.map(double, [20, 21])?);
    Ok(())
}
// ANCHOR_END: solution

fn main() -> ExitCode {
    Tasks::new().add(double).serve_if_worker();
    command_line::run(|arguments: Arguments| start(arguments.thread_first))
}
