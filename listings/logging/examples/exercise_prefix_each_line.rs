//! Your version: with `--each-line`, each line is to bear the id of the process that writes it.

use std::error::Error;
use std::process::{self, ExitCode};
use std::sync::LazyLock;

use clap::Parser;
use logging::handlers::print;
use process_pool::{Pool, StartMethod, Tasks};

/// This process's id, found out by the first line that needs it.
static PREFIX: LazyLock<u32> = LazyLock::new(process::id);

/// Logs a line, and says next to it which process did.
fn log(each_line: bool) {
    let prefix = if each_line {
        // Has it found out now, and not before.
        *LazyLock::force(&PREFIX)
    } else {
        *PREFIX
    };
    print(format_args!(
        "[{prefix}] written by process {}",
        process::id()
    ));
}

/// The task: one line, and time for the other worker to take the other task.
fn log_in_worker(each_line: bool) {
    log(each_line);
    std::thread::sleep(std::time::Duration::from_millis(100));
}

fn main() -> ExitCode {
    Tasks::new().add(log_in_worker).serve_if_worker();
    command_line::run(run)
}

fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    log(arguments.each_line);
    let pool = Pool::builder(arguments.method).workers(2).start()?;
    pool.map(log_in_worker, [arguments.each_line; 2])?;
    Ok(())
}

/// Logs a line in a parent and one in each of its workers, with a process id in front
#[derive(Parser)]
struct Arguments {
    /// How the workers come to be: fork, spawn or fork-server
    #[arg(default_value = "fork")]
    method: StartMethod,

    /// Ask for the process id anew for each line
    #[arg(long)]
    each_line: bool,
}
