//! Your version: a payment is to be entered once, however often its task runs.

use std::error::Error;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use nix::sys::signal::{Signal, raise};
use process_pool::{Pool, StartMethod, Tasks};
use when_a_worker_dies::{is_first, print_event};

/// Runs a task again that has done something before its worker was killed
#[derive(Parser)]
struct Arguments {}

fn main() -> ExitCode {
    Tasks::new().add(pay).serve_if_worker();
    command_line::run(|_: Arguments| pay_three())
}

/// The task: enters the payment, and says how much it was.
fn pay((folder, _number, amount): (PathBuf, usize, u64)) -> Result<u64, String> {
    enter(&folder, amount).map_err(|error| error.to_string())?;
    if amount == 20 && is_first(&folder.join("killed")) {
        let _ = raise(Signal::SIGKILL);
    }
    Ok(amount)
}

/// A line for each payment, in one file.
fn enter(folder: &Path, amount: u64) -> io::Result<()> {
    let journal = folder.join("journal");
    let mut journal = OpenOptions::new().create(true).append(true).open(journal)?;
    writeln!(journal, "{amount}")
}

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

    let journal = fs::read_to_string(folder.path().join("journal"))?;
    let entered: Vec<u64> = journal.lines().map(str::parse).collect::<Result<_, _>>()?;
    println!("entered: {entered:?}, sum {}", entered.iter().sum::<u64>());
    Ok(())
}
