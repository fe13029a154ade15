//! How a transport that has no pool of its own is fed: by a thread for each worker.

use std::any::Any;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context, Error, Result, anyhow};
use bytes::Bytes;

use crate::contender::Records;
use crate::{PARTS, WORKERS};

/// Sends each part to the first worker that is free, and returns the sums in the parts'
/// order. `start` starts the worker of that number, `sum` sends it a part and waits for its
/// answer, `end` waits until it has ended; all of a worker in one thread.
///
/// # Errors
///
/// The first one of a worker's.
pub fn feed<W>(
    records: &Records,
    start: impl Fn(usize) -> Result<W> + Sync,
    sum: impl Fn(&mut W, Bytes) -> Result<f64> + Sync,
    end: impl Fn(W) -> Result<()> + Sync,
) -> Result<Vec<f64>> {
    let (parts, next) = (records.parts(), AtomicUsize::new(0));
    let drive = |number| {
        let mut worker = start(number)?;
        let mut sums = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(part) = parts.get(index) else {
                end(worker)?;
                return anyhow::Ok(sums);
            };
            sums.push((index, sum(&mut worker, part.clone())?));
        }
    };
    let found = thread::scope(|scope| {
        let threads: Vec<_> = (0..WORKERS)
            .map(|number| {
                let drive = &drive;
                scope.spawn(move || drive(number))
            })
            .collect();
        // All are waited for, before the first error of one counts.
        let joined = threads.into_iter().map(|thread| thread.join());
        joined.collect::<Vec<_>>()
    });
    let mut sums = vec![f64::NAN; PARTS];
    for found in found {
        for (index, sum) in found.map_err(|panic| panicked(&*panic))?? {
            sums[index] = sum;
        }
    }
    Ok(sums)
}

fn panicked(panic: &(dyn Any + Send)) -> Error {
    match panic.downcast_ref::<&str>() {
        Some(message) => anyhow!("a thread panicked: {message}"),
        None => anyhow!("a thread panicked"),
    }
}

/// This program once more, as a worker that finds its parent by `end`.
///
/// # Errors
///
/// Where this program cannot be found.
pub fn this_program(end: &str) -> Result<Command> {
    let program = std::env::current_exe().context("cannot find this program")?;
    let mut command = Command::new(program);
    command.args(["--worker", end]);
    Ok(command)
}
