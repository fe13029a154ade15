//! Your version: a forked pool and a thread. In the end the program is to have both, and no error.

use std::error::Error;
use std::fs;
use std::process::ExitCode;
use std::thread;

use clap::Parser;
use process_pool::{Pool, StartMethod, Tasks};

/// Starts a pool and a thread
#[derive(Parser)]
struct Arguments {}

/// The task.
fn double(x: u64) -> u64 {
    println!("{} doubles {x}", mem_trace::name());
    2 * x
}

fn threads() -> usize {
    fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

fn start() -> Result<(), Box<dyn Error>> {
    // It is to be there as long as the program, like one that logs or counts.
    thread::spawn(|| {
        loop {
            thread::park()
        }
    });
    println!("Threads at the forks: {}", threads());
    let pool = Pool::builder(StartMethod::Fork).workers(2).start()?;
    println!("Threads after them: {}", threads());
    println!("{:?}", pool.map(double, [20, 21])?);
    Ok(())
}

fn main() -> ExitCode {
    Tasks::new().add(double).serve_if_worker();
    command_line::run(|_: Arguments| start())
}
