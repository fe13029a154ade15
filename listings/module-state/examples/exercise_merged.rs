//! Your version: in the end the parent's list is to hold its own update and those of both
//! workers, under fork and under spawn alike.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Mutex;
use std::thread::sleep;
use std::time::Duration;

use clap::Parser;
use mem_trace::trace;
use process_pool::{Pool, StartMethod, Tasks};

/// Collects the updates of two workers in their parent's list
#[derive(Parser)]
struct Arguments {
    /// How the workers come to be: fork, spawn or fork-server
    #[arg(default_value = "spawn")]
    run: StartMethod,
}

static LIST: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn main() -> ExitCode {
    Tasks::new().add(update).serve_if_worker();
    command_line::run(|arguments: Arguments| collect(arguments.run))
}

/// Appends an update to the list of the process that runs it.
fn update(count: u64) {
    sleep(Duration::from_millis(100 * count));
    trace!("Makes update {count}");
    append(format!("Child process {count} update"));
}

fn append(update: String) {
    LIST.lock()
        .expect("no task panics while it holds the list")
        .push(update);
}

fn collect(method: StartMethod) -> Result<(), Box<dyn Error>> {
    append("Initial value".to_owned());
    append("Parent process update".to_owned());
    let pool = Pool::builder(method).workers(2).start()?;
    pool.map(update, 1..=2)?;
    let list = LIST.lock().expect("no task panics while it holds the list");
    trace!("List finally: {list:?}");
    Ok(())
}
