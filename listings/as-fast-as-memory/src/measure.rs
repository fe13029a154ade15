//! How long a way takes, and how many page faults.

use std::error::Error;
use std::fmt;
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};

use crate::ways::Sum;

/// One run of one way.
pub struct Took {
    pub sum: f64,
    seconds: f64,
    /// Page faults of this process and of its workers.
    faults: i64,
}

// ANCHOR: measure
/// Runs one way from before its workers start until they have ended.
pub fn measure(mut sum: Sum<'_>) -> Result<Took, Box<dyn Error>> {
    let count = || -> nix::Result<i64> {
        Ok(faults(UsageWho::RUSAGE_SELF)? + faults(UsageWho::RUSAGE_CHILDREN)?)
    };
    let (before, start) = (count()?, Instant::now());
    let found = sum()?;
    let seconds = start.elapsed().as_secs_f64();
    Ok(Took {
        sum: found.sum,
        seconds,
        faults: count()? - before + found.faults,
    })
}

/// Page faults that needed no disk (getrusage(2), `ru_minflt`). Of children those count that
/// have ended.
pub fn faults(of: UsageWho) -> nix::Result<i64> {
    Ok(getrusage(of)?.minor_page_faults())
}
// ANCHOR_END: measure

/// All runs of one way.
#[derive(Clone, Default)]
pub struct Measured {
    seconds: Vec<f64>,
    faults: Vec<i64>,
}

impl Measured {
    /// Above the columns behind the names.
    pub const HEADINGS: &str = "median [least-most] s    of one thread's    page faults";

    pub fn push(&mut self, took: Took) {
        self.seconds.push(took.seconds);
        self.faults.push(took.faults);
    }

    pub fn median_s(&self) -> f64 {
        median(&self.seconds, f64::total_cmp)
    }

    /// A line of the table: times, how many times the baseline's, faults, and a bar as long
    /// as the second.
    pub fn beside(&self, baseline: &Self) -> impl fmt::Display {
        // Round by round: what disturbed a round disturbed both.
        let rounds = self.seconds.iter().zip(&baseline.seconds);
        let times: Vec<f64> = rounds.map(|(this, one)| this / one).collect();
        let least = self.seconds.iter().copied().fold(f64::INFINITY, f64::min);
        let most = self.seconds.iter().copied().fold(0.0, f64::max);
        let times = median(&times, f64::total_cmp);
        format!(
            "{:.4} [{least:.4}-{most:.4}] s {times:>6.2} times {:>7} faults {}",
            self.median_s(),
            median(&self.faults, i64::cmp),
            "#".repeat(times.round().min(40.0) as usize)
        )
    }
}

/// The middle one; of an even number the lower of the two in the middle.
fn median<T: Copy>(values: &[T], order: impl Fn(&T, &T) -> std::cmp::Ordering) -> T {
    let mut values = values.to_vec();
    values.sort_by(order);
    values[(values.len() - 1) / 2]
}
