//! What a call costs: what the contenders of `calls` do alike, and how they report it.
//!
//! A contender is a program of its own, started anew in each round for each experiment. It
//! prints one line, the nanoseconds that its calls took in all. `python/calls.py` does the
//! same.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};

/// Bytes of a large argument.
pub const LARGE: usize = 64 << 10;

/// Workers of a pool that maps; of any other experiment's one.
pub const MAPPERS: usize = 2;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Experiment {
    /// Calls of a function that does nothing, one after another: each is submitted and
    /// waited for.
    Empty,
    /// The same with an argument of 64 KiB, which the function sums.
    Large,
    /// Calls of a function of one number, all at once.
    Map,
    /// The same where a call is a chunk of the numbers, a quarter of a worker's share.
    Chunks,
    /// From before a worker's start to its first result.
    First,
}

impl Experiment {
    /// Its word on a command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Large => "large",
            Self::Map => "map",
            Self::Chunks => "chunks",
            Self::First => "first",
        }
    }
}

/// What a contender is told.
#[derive(Parser)]
pub struct Arguments {
    /// What to measure
    pub experiment: Experiment,
    /// How many calls, or starts
    pub count: usize,
}

/// The argument of a large call.
pub fn large() -> Vec<u8> {
    (0..LARGE).map(|i| i as u8).collect()
}

/// What a large call returns.
pub fn sum(bytes: &[u8]) -> u64 {
    bytes.iter().map(|&byte| u64::from(byte)).sum()
}

/// The numbers of a chunk, of a map of so many: each worker gets four, as Python's
/// `multiprocessing.Pool` makes them.
pub fn chunk_of(count: usize) -> usize {
    count.div_ceil(4 * MAPPERS).max(1)
}

/// The function of a map.
pub fn increment(number: u64) -> u64 {
    number + 1
}

/// How long `count` calls take one after another, once a tenth of them has gone before.
///
/// # Errors
///
/// A call's.
pub fn one_by_one(count: usize, mut call: impl FnMut() -> Result<()>) -> Result<Duration> {
    for _ in 0..count.div_ceil(10) {
        call()?;
    }
    let start = Instant::now();
    for _ in 0..count {
        call()?;
    }
    Ok(start.elapsed())
}

/// How long a map of `count` calls takes, once one of a tenth has gone before.
///
/// # Errors
///
/// The map's, or that its results are not those of [`increment`].
pub fn mapped(
    count: usize,
    map: impl Fn(std::ops::Range<u64>) -> Result<Vec<u64>>,
) -> Result<Duration> {
    map(0..count.div_ceil(10) as u64)?;
    let start = Instant::now();
    let results = map(0..count as u64)?;
    let took = start.elapsed();
    anyhow::ensure!(
        results.into_iter().eq(1..=count as u64),
        "the results are not those of the calls"
    );
    Ok(took)
}

/// Prints what the calls took.
pub fn report(took: Duration) {
    println!("ns={}", took.as_nanos());
}

/// Reads what a contender has printed.
///
/// # Errors
///
/// Where there is no report in it.
pub fn read_report(output: &str) -> Result<Duration> {
    let number = output.lines().find_map(|line| line.strip_prefix("ns="));
    let number = number.context("expected a line ns=NANOSECONDS")?;
    let number = number
        .parse()
        .with_context(|| format!("expected ns=NANOSECONDS, not ns={number}"))?;
    Ok(Duration::from_nanos(number))
}
