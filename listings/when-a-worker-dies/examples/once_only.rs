//! A solution: what is done twice is the same thing.

use std::error::Error;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use nix::sys::signal::{Signal, raise};
use process_pool::{Pool, StartMethod, Tasks};
use when_a_worker_dies::{is_first, print_event};

/// Runs a task again whose entry has a name of its own
#[derive(Parser)]
struct Arguments {}

fn main() -> ExitCode {
    Tasks::new().add(pay).serve_if_worker();
    command_line::run(|_: Arguments| pay_three())
}

// ANCHOR: solution
/// The task: the payment's number comes from the parent, and is the same each time.
fn pay((folder, number, amount): (PathBuf, usize, u64)) -> Result<u64, String> {
    enter(&folder, number, amount).map_err(|error| error.to_string())?;
    if amount == 20 && is_first(&folder.join("killed")) {
        let _ = raise(Signal::SIGKILL);
    }
    Ok(amount)
}

/// A file for each payment. It is there whole or not at all: rename(2) is one step.
fn enter(folder: &Path, number: usize, amount: u64) -> io::Result<()> {
    let draft = folder.join(format!("draft-{number}"));
    fs::write(&draft, amount.to_string())?;
    fs::rename(draft, folder.join(format!("payment-{number}")))
}
// ANCHOR_END: solution

fn pay_three() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let pool = Pool::builder(StartMethod::Spawn)
        .workers(1)
        .retries(1)
        .on_event(print_event)
        .start()?;
    let payments = [10, 20, 30]
        .into_iter()
        .enumerate()
        .map(|(number, amount)| (folder.path().to_owned(), number, amount));
    let paid: Vec<u64> = pool
        .map(pay, payments)?
        .into_iter()
        .collect::<Result<_, _>>()?;
    println!("returned: {paid:?}, sum {}", paid.iter().sum::<u64>());

    let mut entered: Vec<u64> = Vec::new();
    for number in 0..3 {
        let payment = folder.path().join(format!("payment-{number}"));
        entered.push(fs::read_to_string(payment)?.parse()?);
    }
    println!("entered: {entered:?}, sum {}", entered.iter().sum::<u64>());
    Ok(())
}
