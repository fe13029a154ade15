//! A solution: a handler with a buffer, and a fork in between.

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use clap::Parser;
use process_pool::{Pool, StartMethod, Tasks};

/// Logs through a buffer, before a fork and after it
#[derive(Parser)]
struct Arguments {
    /// Flush the buffer before the fork, and in each worker after its line
    #[arg(long)]
    flush: bool,
}

// ANCHOR: solution
static LOG: Mutex<Option<BufWriter<File>>> = Mutex::new(None);

fn log(line: &str, flush: bool) {
    if let Some(log) = &mut *LOG.lock().unwrap_or_else(PoisonError::into_inner) {
        // A log line that cannot be written has nowhere else to be reported.
        let _ = writeln!(log, "{line}");
        if flush {
            let _ = log.flush();
        }
    }
}

fn in_worker(flush: bool) {
    log("a worker's line", flush);
}

fn fork_two(flush: bool) -> Result<(), Box<dyn Error>> {
    let file = tempfile::NamedTempFile::new()?;
    // Appending: two processes with one file never write over each other (open(2)).
    let log_file = File::options().append(true).open(file.path())?;
    *LOG.lock().unwrap_or_else(PoisonError::into_inner) = Some(BufWriter::new(log_file));
    log("the parent's line", flush);
    let pool = Pool::builder(StartMethod::Fork).workers(2).start()?;
    pool.map(in_worker, [flush, flush])?;
    drop(pool);
    // The parent's buffer goes to the file here.
    *LOG.lock().unwrap_or_else(PoisonError::into_inner) = None;
    let text = std::fs::read_to_string(file.path())?;
    for line in ["the parent's line", "a worker's line"] {
        println!("{}: {} in the file", line, text.matches(line).count());
    }
    Ok(())
}
// ANCHOR_END: solution

fn main() -> ExitCode {
    Tasks::new().add(in_worker).serve_if_worker();
    command_line::run(|arguments: Arguments| fork_two(arguments.flush))
}
