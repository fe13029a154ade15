//! A task that takes memory and never gives it back: in a worker, then in a thread.

use std::error::Error;
use std::process::ExitCode;
use std::thread;

use clap::Parser;
use mem_trace::MemoryUsage;
use process_pool::{Pool, StartMethod, Tasks};

/// Leaks 64 MiB in a worker, then in a thread, and prints what the program has of it
#[derive(Parser)]
struct Arguments {}

fn main() -> ExitCode {
    Tasks::new().add(leak).serve_if_worker();
    command_line::run(|_: Arguments| leak_twice())
}

/// Resident and private dirty memory of this process, in bytes.
type Usage = (u64, u64);

/// The task: 4 MiB more that nobody will free.
fn leak(_: usize) -> Option<Usage> {
    Box::leak(vec![1_u8; 4 << 20].into_boxed_slice());
    usage()
}

fn usage() -> Option<Usage> {
    let now = MemoryUsage::now();
    Some((now.resident?, now.private_dirty?))
}

fn leak_twice() -> Result<(), Box<dyn Error>> {
    let beginning = usage();
    let pool = Pool::builder(StartMethod::Spawn).workers(1).start()?;
    let worker: Vec<_> = pool.map(leak, 0..16)?;
    drop(pool);
    let after_worker = usage();
    let thread = thread::spawn(|| (0..16).map(leak).collect::<Vec<_>>());
    let thread = thread.join().map_err(|_| "the thread panicked")?;
    let after_thread = usage();

    print("in a worker, since its first task", worker[0], worker[15])?;
    print(
        "the program, when the worker has ended",
        beginning,
        after_worker,
    )?;
    print("in a thread, since its first task", thread[0], thread[15])?;
    print(
        "the program, when the thread has ended",
        after_worker,
        after_thread,
    )
}

fn print(what: &str, before: Option<Usage>, after: Option<Usage>) -> Result<(), Box<dyn Error>> {
    let (before, after) = before
        .zip(after)
        .ok_or("expected /proc/self/smaps_rollup")?;
    let grown = |before: u64, after: u64| (after as f64 - before as f64) / f64::from(1 << 20);
    println!(
        "{what:<40} resident {:+6.1} MB, private dirty {:+6.1} MB",
        grown(before.0, after.0),
        grown(before.1, after.1),
    );
    Ok(())
}
