//! Your version: each task is to have a generator with a state of its own, and no lock, as the
//! output says already.

use std::error::Error;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use clap::Parser;
use nix::libc;
use when_a_process_pays::{by_threads, two_cores_or_more};

/// Estimates pi by two threads, without a lock
#[derive(Parser)]
struct Arguments {
    /// How many points an estimate takes
    #[arg(long, default_value = "1_000_000", value_parser = command_line::count::<100_000_000>)]
    points: usize,
}

fn main() -> ExitCode {
    command_line::run(|arguments: Arguments| estimate(arguments.points))
}

/// Held for each call of the library, which has one state for all threads.
static LIBRARY: Mutex<()> = Mutex::new(());

fn seeded(seed: u32) {
    let _one = LIBRARY.lock().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: drand48(3) is marked MT-Unsafe race:drand48. Only the owner of the lock calls it
    // or its relatives.
    unsafe { libc::srand48(seed.into()) }
}

fn number() -> f64 {
    let _one = LIBRARY.lock().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: as in `seeded`.
    unsafe { libc::drand48() }
}

fn pi((seed, points): (u32, usize)) -> f64 {
    seeded(seed);
    let inside = (0..points).filter(|_| number().powi(2) + number().powi(2) <= 1.0);
    4.0 * inside.count() as f64 / points as f64
}

fn estimate(points: usize) -> Result<(), Box<dyn Error>> {
    two_cores_or_more();
    let seeds: Vec<_> = (1..=8).map(|seed| (seed, points)).collect();
    let alone: Vec<f64> = seeds.iter().copied().map(pi).collect();
    let threads = by_threads(&seeds, pi);
    let same = threads.iter().zip(&alone).filter(|(a, b)| a == b).count();
    println!("two threads, no lock: {same} of 8 as by one thread");
    println!("seed 1: {:.5}", alone[0]);
    Ok(())
}
