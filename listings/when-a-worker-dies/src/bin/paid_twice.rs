//! A task that leaves something behind before its worker is killed, and runs again.

use std::error::Error;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use nix::sys::signal::{Signal, raise};
use process_pool::{Pool, StartMethod, Tasks};
use when_a_worker_dies::{is_first, print_event};

// ANCHOR: task
/// The task: pays, enters it in the journal, and says how much.
fn pay((folder, amount): (PathBuf, u64)) -> Result<u64, String> {
    enter(&folder.join("journal"), amount).map_err(|error| error.to_string())?;
    // Once, after the payment and before the reply.
    if amount == 20 && is_first(&folder.join("killed")) {
        let _ = raise(Signal::SIGKILL);
    }
    Ok(amount)
}

fn enter(journal: &Path, amount: u64) -> io::Result<()> {
    let mut journal = OpenOptions::new().create(true).append(true).open(journal)?;
    writeln!(journal, "{amount}")
}
// ANCHOR_END: task

fn main() -> ExitCode {
    Tasks::new().add(pay).serve_if_worker();
    command_line::run(|arguments: Arguments| pay_three(arguments.method))
}

fn pay_three(method: StartMethod) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let pool = Pool::builder(method)
        .workers(1)
        .retries(1)
        .on_event(print_event)
        .start()?;
    let amounts = [10, 20, 30].map(|amount| (folder.path().to_owned(), amount));
    let paid: Vec<u64> = pool
        .map(pay, amounts)?
        .into_iter()
        .collect::<Result<_, _>>()?;
    println!("returned: {paid:?}, sum {}", paid.iter().sum::<u64>());

    let journal = fs::read_to_string(folder.path().join("journal"))?;
    let entered: Vec<u64> = journal.lines().map(str::parse).collect::<Result<_, _>>()?;
    println!("entered: {entered:?}, sum {}", entered.iter().sum::<u64>());
    Ok(())
}

/// Runs a task again that has done something before its worker was killed
#[derive(Parser)]
struct Arguments {
    /// How the workers come to be: fork, spawn or fork-server
    #[arg(default_value = "spawn")]
    method: StartMethod,
}
