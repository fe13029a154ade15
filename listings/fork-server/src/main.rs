//! Workers that are forked by a server, and what it has ready for them.

use std::error::Error;
use std::process::ExitCode;
use std::sync::OnceLock;
use std::time::Instant;

use clap::{Parser, ValueEnum};
use mem_trace::{MemoryUsage, mebibytes, trace};
use nix::unistd::{getpid, getppid};
use process_pool::{Pool, StartMethod, Tasks};

// ANCHOR: table
/// Entries of the table that every task needs.
const ENTRIES: usize = 8_000_000;

/// What takes time to make and is the same for every worker: prime numbers by a sieve.
static TABLE: OnceLock<Vec<bool>> = OnceLock::new();

fn table() -> &'static [bool] {
    TABLE.get_or_init(|| {
        trace!("Makes the table");
        let mut prime = vec![true; ENTRIES];
        prime[..2].fill(false);
        for n in (2..).take_while(|n| n * n < ENTRIES) {
            if prime[n] {
                for multiple in (n * n..ENTRIES).step_by(n) {
                    prime[multiple] = false;
                }
            }
        }
        prime
    })
}
// ANCHOR_END: table

// ANCHOR: task
/// A task that needs the table, and hardly anything else.
fn count_primes(below: usize) -> usize {
    table()[..below].iter().filter(|prime| **prime).count()
}

/// Who is this worker's parent, and what memory has it of its own?
fn look(_: usize) -> (i32, u64) {
    let own = MemoryUsage::now().private_dirty.unwrap_or(0);
    (getppid().as_raw(), own)
}
// ANCHOR_END: task

// ANCHOR: main
fn main() -> ExitCode {
    // Above the guard: in the parent, in each spawned worker, and once in a fork server.
    if std::env::var_os(PRELOAD).is_some() {
        table();
    }
    Tasks::new().add(count_primes).add(look).serve_if_worker();
    command_line::run(run)
}
// ANCHOR_END: main

/// Has the table made above the guard.
const PRELOAD: &str = "BOOK_PRELOAD";

fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    match arguments.run {
        Run::Whose => whose(arguments.method),
        Run::Ready => ready(arguments.method, arguments.preload),
    }
}

// ANCHOR: whose
/// Whose children the workers are, and how much memory they have of their own, beside a
/// parent that has grown.
fn whose(method: StartMethod) -> Result<(), Box<dyn Error>> {
    let ballast = vec![1u8; 256 << 20];
    let pool = Pool::builder(method).workers(2).start()?;
    for (parent, own) in pool.map(look, 0..2)? {
        trace!(
            "A worker is a child of {}, and has {} MB of its own",
            match parent == getpid().as_raw() {
                true => "this process",
                false => "another process",
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

// ANCHOR: ready
/// How long until four workers have answered, for a first pool and for a second one.
fn ready(method: StartMethod, preload: bool) -> Result<(), Box<dyn Error>> {
    if preload {
        // SAFETY: this process has one thread, so nobody reads the environment meanwhile.
        unsafe { std::env::set_var(PRELOAD, "1") };
    }
    // As long as one pool uses it, the server stays.
    let first = answer(method, "first")?;
    let second = answer(method, "second")?;
    drop((first, second));
    Ok(())
}

fn answer(method: StartMethod, which: &str) -> Result<Pool, Box<dyn Error>> {
    let start = Instant::now();
    let pool = Pool::builder(method).workers(4).start()?;
    let counts = pool.map(count_primes, [1_000_000; 4])?;
    let ready_s = start.elapsed().as_secs_f64();
    trace!(
        "{which}: {} primes below a million, ready_s={ready_s:.3}",
        counts[0]
    );
    Ok(pool)
}
// ANCHOR_END: ready

/// Shows what a fork server is, and what it gains by having things ready
#[derive(Parser)]
struct Arguments {
    /// What is shown
    #[arg(value_enum, default_value = "whose")]
    run: Run,

    /// How the workers come to be: fork, spawn or fork-server
    #[arg(long, default_value = "fork-server")]
    method: StartMethod,

    /// Make the table above the guard
    #[arg(long)]
    preload: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Run {
    /// Whose children the workers are, and with how much memory
    Whose,
    /// How long until four workers have answered
    Ready,
}
