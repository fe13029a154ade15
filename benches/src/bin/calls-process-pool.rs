//! What calls of this book's pool take.
//!
//! ```text
//! cargo run --release -p benches --bin calls-process-pool -- fork empty 1500
//! ```

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use benches::calls::{
    self, Experiment, MAPPERS, chunk_of, increment, large, mapped, one_by_one, report,
};
use clap::Parser;
use process_pool::{Pool, Slice, StartMethod, Tasks};

fn main() -> ExitCode {
    Tasks::new()
        .add(nothing)
        .add(sum)
        .add(increment)
        .add(increment_each)
        .serve_if_worker();
    command_line::run(run)
}

fn nothing(_: ()) {}

fn sum(bytes: Slice<u8>) -> u64 {
    calls::sum(&bytes)
}

fn increment_each(numbers: Vec<u64>) -> Vec<u64> {
    numbers.into_iter().map(increment).collect()
}

/// Measures calls of the book's pool
#[derive(Parser)]
struct Arguments {
    /// How the workers start
    method: StartMethod,

    #[command(flatten)]
    calls: calls::Arguments,
}

fn run(Arguments { method, calls }: Arguments) -> Result<()> {
    let count = calls.count;
    let pool = |workers| Pool::builder(method).workers(workers).start();
    report(match calls.experiment {
        Experiment::Empty => {
            let pool = pool(1)?;
            one_by_one(count, || Ok(pool.submit(nothing, ())?.wait()?))?
        }
        Experiment::Large => {
            let pool = pool(1)?;
            let argument = Slice::from(large());
            let expected = calls::sum(&argument);
            one_by_one(count, || {
                let sum = pool.submit(sum, argument.clone())?.wait()?;
                ensure!(sum == expected, "another sum");
                Ok(())
            })?
        }
        Experiment::Map => {
            let pool = pool(MAPPERS)?;
            mapped(count, |numbers| Ok(pool.map(increment, numbers)?))?
        }
        Experiment::Chunks => {
            let pool = pool(MAPPERS)?;
            mapped(count, |numbers| {
                let numbers: Vec<u64> = numbers.collect();
                let chunks = numbers.chunks(chunk_of(numbers.len())).map(<[u64]>::to_vec);
                Ok(pool.map(increment_each, chunks)?.concat())
            })?
        }
        Experiment::First => {
            let mut took = Duration::ZERO;
            for _ in 0..count {
                let start = Instant::now();
                let pool = pool(1)?;
                pool.submit(nothing, ())?.wait()?;
                took += start.elapsed();
            }
            took
        }
    });
    Ok(())
}
