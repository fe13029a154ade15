//! A library that keeps one state for the whole process: drand48(3).

use std::error::Error;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use clap::Parser;
use nix::libc;
use process_pool::{Pool, StartMethod, Tasks};
use when_a_process_pays::{TWO, by_threads, least, timed, two_cores_or_more};

/// Estimates pi from eight seeds, in five ways, with a generator that has one state
#[derive(Parser)]
struct Arguments {
    /// How many points an estimate takes
    #[arg(long, default_value = "1_000_000", value_parser = command_line::count::<100_000_000>)]
    points: usize,
}

fn main() -> ExitCode {
    Tasks::new().add(pi).serve_if_worker();
    command_line::run(|arguments: Arguments| estimate(arguments.points))
}

// ANCHOR: pi
/// Held for each call of the library.
static LIBRARY: Mutex<()> = Mutex::new(());

/// Held for a whole task.
static TASK: Mutex<()> = Mutex::new(());

fn seed(seed: u32) {
    let _one = LIBRARY.lock().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: drand48(3) is marked MT-Unsafe race:drand48. Nothing else in this program calls
    // it or its relatives, and here only the owner of the lock does.
    unsafe { libc::srand48(seed.into()) }
}

fn number() -> f64 {
    let _one = LIBRARY.lock().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: as in `seed`.
    unsafe { libc::drand48() }
}

/// The task: pi, from points in a square, of which so many lie in a quarter of a circle.
fn pi((seed_of, points): (u32, usize)) -> f64 {
    seed(seed_of);
    let inside = (0..points).filter(|_| number().powi(2) + number().powi(2) <= 1.0);
    4.0 * inside.count() as f64 / points as f64
}

fn pi_alone(argument: (u32, usize)) -> f64 {
    let _whole = TASK.lock().unwrap_or_else(PoisonError::into_inner);
    pi(argument)
}
// ANCHOR_END: pi

type Way<'a> = &'a dyn Fn() -> process_pool::Result<Vec<f64>>;

fn estimate(points: usize) -> Result<(), Box<dyn Error>> {
    two_cores_or_more();
    let pool = Pool::builder(StartMethod::Spawn).workers(TWO).start()?;
    let seeds: Vec<_> = (1..=8).map(|seed| (seed, points)).collect();
    let one_by_one = || seeds.iter().copied().map(pi).collect::<Vec<_>>();
    let right = one_by_one();
    let ways: [(&str, Way); 4] = [
        ("one thread", &|| Ok(one_by_one())),
        ("two threads, a lock for each call", &|| {
            Ok(by_threads(&seeds, pi))
        }),
        ("two threads, a lock for each task", &|| {
            Ok(by_threads(&seeds, pi_alone))
        }),
        ("two workers", &|| pool.map(pi, seeds.iter().copied())),
    ];
    for (way, estimate) in ways {
        let mut seconds = Vec::new();
        let mut estimates = Vec::new();
        for _ in 0..5 {
            let (found, took) = timed(estimate);
            seconds.push(took);
            estimates = found?;
        }
        let same = estimates.iter().zip(&right).filter(|(a, b)| a == b).count();
        println!(
            "{way:<34} {same} of 8 as before, {:.3} s: {:.5} {:.5} {:.5} …",
            least(&seconds),
            estimates[0],
            estimates[1],
            estimates[2],
        );
    }
    Ok(())
}
