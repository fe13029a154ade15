//! Workers that are forked by a server: whose children they are, and with how much memory.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use mem_trace::{MemoryUsage, mebibytes, trace};
use nix::unistd::{getpid, getppid};
use process_pool::{Pool, StartMethod, Tasks};

fn main() -> ExitCode {
    Tasks::new().add(look).serve_if_worker();
    command_line::run(whose)
}

/// The task: this worker's parent, and the bytes of memory that are the worker's own.
fn look(_: usize) -> (i32, u64) {
    let own = MemoryUsage::now().private_dirty.unwrap_or(0);
    (getppid().as_raw(), own)
}

// ANCHOR: whose
/// Whose children the workers are, and how much memory they have of their own, beside a
/// parent that has grown.
fn whose(Arguments { method }: Arguments) -> Result<(), Box<dyn Error>> {
    let ballast = vec![1u8; 256 << 20];
    let pool = Pool::builder(method).workers(2).start()?;
    for (parent, own) in pool.map(look, 0..2)? {
        trace!(
            "A worker is a child of {}, and has {} MB of its own",
            if parent == getpid().as_raw() {
                "this process"
            } else {
                "another process"
            },
            mebibytes(own)
        );
    }
    trace!(
        "This process has {} MB of ballast",
        mebibytes(ballast.len() as u64)
    );
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
