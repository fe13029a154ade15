//! A task that takes memory and never gives it back: in a worker, then in a thread.

use std::error::Error;
use std::hint::black_box;
use std::process::ExitCode;
use std::thread;

use clap::Parser;
use mem_trace::MemoryUsage;
use process_pool::{Pool, StartMethod, Tasks};

/// Leaks 64 MiB in a worker, then in a thread, and prints how much of it the program still holds
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
    // Memory that nobody looks at is never asked for: a compiler may leave it out.
    black_box(Box::leak(vec![1_u8; 4 << 20].into_boxed_slice()));
    usage()
}

fn usage() -> Option<Usage> {
    let now = MemoryUsage::now();
    Some((now.resident?, now.private_dirty?))
}

fn leak_twice() -> Result<(), Box<dyn Error>> {
    print("the program, in the beginning", usage())?;
    let pool = Pool::builder(StartMethod::Spawn).workers(1).start()?;
    let calls: Vec<_> = pool.map(leak, 0..16)?;
    print("a worker, after 16 calls", calls[15])?;
    drop(pool);
    print("the program, when the worker has ended", usage())?;
    let thread = thread::spawn(|| (0..16).map(leak).collect::<Vec<_>>());
    let calls = thread.join().map_err(|_| "the thread panicked")?;
    print("the program, after 16 calls in a thread", calls[15])?;
    print("the program, when the thread has ended", usage())
}

fn print(what: &str, usage: Option<Usage>) -> Result<(), Box<dyn Error>> {
    let (resident, dirty) = usage.ok_or("expected /proc/self/smaps_rollup")?;
    let [resident, dirty] = [resident, dirty].map(|bytes| bytes as f64 / f64::from(1 << 20));
    println!("{what:<40} resident {resident:5.1} MB, private dirty {dirty:5.1} MB");
    Ok(())
}
