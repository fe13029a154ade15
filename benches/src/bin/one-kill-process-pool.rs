//! One kill among many calls of this book's pool.
//!
//! ```text
//! mkfifo fifo; cargo run -p benches --bin one-kill-process-pool -- fork 1 1000 fifo
//! ```

use std::process::ExitCode;

use anyhow::{Error, Result};
use benches::one_kill::{Experiment, PATIENCE, WORKERS, answer};
use clap::Parser;
use process_pool::{Pool, StartMethod, Task, Tasks};

fn main() -> ExitCode {
    Tasks::new().add(answer).serve_if_worker();
    command_line::run(run)
}

/// Loses a worker of the book's pool and says what became of its calls
#[derive(Parser)]
struct Arguments {
    /// How the workers start
    method: StartMethod,

    /// How often a call that lost its worker runs again
    retries: usize,

    #[command(flatten)]
    experiment: Experiment,
}

fn run(arguments: Arguments) -> Result<()> {
    let pool = Pool::builder(arguments.method)
        .workers(WORKERS)
        .retries(arguments.retries)
        .start()?;
    let report = arguments.experiment.observe(
        |call| pool.submit(answer, call).map_err(Error::from),
        |task: Task<_>| match task.wait_timeout(PATIENCE) {
            Ok(Ok(answer)) => Ok(Some(answer)),
            Ok(Err(error)) => Err(format!("{}: {error}", name(&error))),
            Err(_still_waiting) => Ok(None),
        },
    )?;
    println!("{report}");
    Ok(())
}

/// The name of an error's variant.
fn name(error: &process_pool::Error) -> String {
    let shown = format!("{error:?}");
    shown.chars().take_while(|c| c.is_alphanumeric()).collect()
}
