//! A handler with a buffer, and a fork in between.

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use mem_trace::trace;
use process_pool::{Pool, StartMethod, Tasks};
use serde::{Deserialize, Serialize};

/// Logs through a buffer, before a fork and after it
#[derive(Parser)]
struct Arguments {
    /// Which processes write the buffer out behind each of their lines
    #[arg(long, value_enum, default_value = "none")]
    flush: Flush,
}

/// Which processes write the buffer out behind each of their lines.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
enum Flush {
    /// No process
    None,
    /// The workers
    Workers,
    /// The workers and their parent
    All,
}

// ANCHOR: log
static LOG: Mutex<Option<BufWriter<File>>> = Mutex::new(None);

fn log(line: &str, flush: bool) {
    if let Some(log) = &mut *LOG.lock().unwrap_or_else(PoisonError::into_inner) {
        // A log line that cannot be written has nowhere else to be reported.
        let _ = writeln!(log, "{line}");
        trace!("{line}: {} bytes in the buffer", log.buffer().len());
        if flush {
            let _ = log.flush();
        }
    }
}
// ANCHOR_END: log

/// Long enough for each worker to take one.
fn in_worker(flush: Flush) {
    sleep(Duration::from_millis(100));
    log("a worker's line", flush != Flush::None);
}

fn fork_two(flush: Flush) -> Result<(), Box<dyn Error>> {
    let file = tempfile::NamedTempFile::new()?;
    // Forked processes share the open file and its offset (fork(2)), so that none writes
    // over another's lines.
    let log_file = File::options().write(true).open(file.path())?;
    *LOG.lock().unwrap_or_else(PoisonError::into_inner) = Some(BufWriter::new(log_file));
    log("the parent's line", flush == Flush::All);
    let pool = Pool::builder(StartMethod::Fork).workers(2).start()?;
    pool.map(in_worker, [flush, flush])?;
    drop(pool);
    // The parent's buffer goes to the file here.
    *LOG.lock().unwrap_or_else(PoisonError::into_inner) = None;
    let text = std::fs::read_to_string(file.path())?;
    for line in ["the parent's line", "a worker's line"] {
        trace!("{line}: {} in the file", text.matches(line).count());
    }
    Ok(())
}

fn main() -> ExitCode {
    Tasks::new().add(in_worker).serve_if_worker();
    command_line::run(|arguments: Arguments| fork_two(arguments.flush))
}
