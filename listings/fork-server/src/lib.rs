//! A table that takes time to make, and how long until workers that need it are ready.

use std::error::Error;
use std::sync::OnceLock;
use std::time::Instant;

use mem_trace::trace;
use process_pool::{Pool, StartMethod};

// ANCHOR: table
/// Entries of the table that every task needs.
const ENTRIES: usize = 8_000_000;

/// What takes time to make and is the same for every worker: prime numbers by a sieve.
static TABLE: OnceLock<Vec<bool>> = OnceLock::new();

/// The table, made where this process does not have it yet.
pub fn table() -> &'static [bool] {
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

/// A task that needs the table, and hardly anything else.
pub fn count_primes(below: usize) -> usize {
    table()[..below].iter().filter(|prime| **prime).count()
}

// ANCHOR: ready
/// How long until a pool of four workers has answered four times; then a second pool.
///
/// # Errors
///
/// The pools'.
pub fn ready(method: StartMethod) -> Result<(), Box<dyn Error>> {
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
