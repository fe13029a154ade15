//! Your version: two pools by fork server. In the end one server is to fork for both.

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

/// A worker and its parent. It takes some time, so that no worker answers for another.
fn parent(_: u32) -> (u32, i32) {
    thread::sleep(Duration::from_millis(20));
    (process::id(), getppid().as_raw())
}

/// Has a pool of its own answer.
fn answers(workers: usize, tasks: u32) -> Result<Vec<(u32, i32)>, Box<dyn Error>> {
    let pool = Pool::builder(StartMethod::ForkServer)
        .workers(workers)
        .start()?;
    Ok(pool.map(parent, 0..tasks)?)
}

fn ask() -> Result<(), Box<dyn Error>> {
    let mut answers_of_both = answers(2, 8)?;
    answers_of_both.extend(answers(3, 9)?);
    let (workers, parents): (BTreeSet<u32>, BTreeSet<i32>) = answers_of_both.into_iter().unzip();
    let s = if parents.len() == 1 { "" } else { "s" };
    println!("{} workers have {} parent{s}", workers.len(), parents.len());

    let is_there = || {
        let mut parents = parents.iter();
        parents.any(|parent| Path::new(&format!("/proc/{parent}")).exists())
    };
    println!("When both are gone: {}", is_there());
    Ok(())
}

fn main() -> ExitCode {
    Tasks::new().add(parent).serve_if_worker();
    command_line::run(|_: Arguments| ask())
}
