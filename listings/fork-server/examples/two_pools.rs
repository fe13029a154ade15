//! A solution: two pools of one process have one server.

use std::collections::BTreeSet;
use std::error::Error;
use std::path::Path;
use std::process::{self, ExitCode};
use std::thread;
use std::time::Duration;

use clap::Parser;
use nix::unistd::getppid;
use process_pool::{Pool, StartMethod, Tasks};

/// Asks the workers of two pools for their parent
#[derive(Parser)]
struct Arguments {}

// ANCHOR: solution
/// A worker and its parent. It takes some time, so that no worker answers for another.
fn parent(_: u32) -> (u32, i32) {
    thread::sleep(Duration::from_millis(20));
    (process::id(), getppid().as_raw())
}

fn ask() -> Result<(), Box<dyn Error>> {
    let pool = |workers| {
        Pool::builder(StartMethod::ForkServer)
            .workers(workers)
            .start()
    };
    let (first, second) = (pool(2)?, pool(3)?);
    let mut answers = first.map(parent, 0..8)?;
    answers.extend(second.map(parent, 0..9)?);
    let (workers, parents): (BTreeSet<u32>, BTreeSet<i32>) = answers.into_iter().unzip();
    println!("{} workers have {} parent", workers.len(), parents.len());

    let is_there = || {
        let mut parents = parents.iter();
        parents.any(|parent| Path::new(&format!("/proc/{parent}")).exists())
    };
    drop(first);
    println!("When one pool is gone, the server is there: {}", is_there());
    drop(second);
    println!("When both are gone: {}", is_there());
    Ok(())
}
// ANCHOR_END: solution

fn main() -> ExitCode {
    Tasks::new().add(parent).serve_if_worker();
    command_line::run(|_: Arguments| ask())
}
