//! A solution: the same generator, with a state that each task has for itself.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
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

// ANCHOR: solution
/// The generator of drand48(3): 48 bits, and the next ones of them.
struct Drand48(u64);

impl Drand48 {
    fn seeded(seed: u32) -> Self {
        Self(u64::from(seed) << 16 | 0x330E)
    }

    fn number(&mut self) -> f64 {
        let next = self.0.wrapping_mul(0x5_DEEC_E66D).wrapping_add(0xB);
        self.0 = next % (1 << 48);
        self.0 as f64 / (1_u64 << 48) as f64
    }
}

fn pi((seed, points): (u32, usize)) -> f64 {
    let mut state = Drand48::seeded(seed);
    let inside = (0..points).filter(|_| state.number().powi(2) + state.number().powi(2) <= 1.0);
    4.0 * inside.count() as f64 / points as f64
}
// ANCHOR_END: solution

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
