//! Workers that are forked by a server: whose children they are, and with how much memory.

use std::error::Error;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use clap::Parser;
use mem_trace::{MemoryUsage, mebibytes, trace};
use nix::unistd::{getpid, getppid};
use process_pool::{Pool, StartMethod, Tasks};

fn main() -> ExitCode {
    Tasks::new().add(look).serve_if_worker();
    command_line::run(whose)
}

// ANCHOR: whose
/// The task: the worker's name, its parent, the bytes that are resident in it, and those of
/// them that are its own. It takes some time, so that no worker answers for another.
fn look(_: usize) -> (String, i32, u64, u64) {
    thread::sleep(Duration::from_millis(100));
    let memory = MemoryUsage::now();
    let own = memory.private_dirty.unwrap_or(0);
    let resident = memory.resident.unwrap_or(0);
    (mem_trace::name(), getppid().as_raw(), resident, own)
}

/// Whose children the workers are, and how much memory they have, beside a parent that has
/// grown.
fn whose(Arguments { method }: Arguments) -> Result<(), Box<dyn Error>> {
    let ballast = vec![1u8; 256 << 20];
    let pool = Pool::builder(method).workers(2).start()?;
    for (worker, parent, resident, own) in pool.map(look, 0..2)? {
        let whose = if parent == getpid().as_raw() {
            "this process"
        } else {
            "another process"
        };
        let (resident, own) = (mebibytes(resident), own >> 10);
        trace!("{worker}: a child of {whose}, {resident} MB resident, {own} KiB its own");
    }
    let resident = mebibytes(MemoryUsage::now().resident.unwrap_or(0));
    drop(ballast);
    trace!("This process: {resident} MB resident");
    Ok(())
}
// ANCHOR_END: whose

/// Shows whose children a pool's workers are, and how much memory they have
#[derive(Parser)]
struct Arguments {
    /// How the workers come to be: fork, spawn or fork-server
    #[arg(default_value = "fork-server")]
    method: StartMethod,
}
