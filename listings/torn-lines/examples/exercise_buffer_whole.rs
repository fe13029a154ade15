//! Your version: with `--whole`, no line is to be torn, and each worker is to keep its buffer.

use std::error::Error;
use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use process_pool::{Pool, StartMethod, Tasks};
use torn_lines::{Lines, Tally};

/// The task: lines through a buffer into a file that is open for appending.
fn write_lines((path, lines, whole): (PathBuf, Lines, bool)) -> Result<(), String> {
    let write = || {
        let mut log = BufWriter::new(File::options().append(true).open(path)?);
        let line = lines.line();
        let (name, message) = line.split_at(lines.bytes / 2);
        for _ in 0..lines.count {
            for piece in [name, message] {
                log.write_all(piece)?;
                if whole {
                    // Nothing is left in the buffer that could be cut.
                    log.flush()?;
                }
            }
        }
        log.flush()
    };
    write().map_err(|error: std::io::Error| error.to_string())
}

fn main() -> ExitCode {
    Tasks::new().add(write_lines).serve_if_worker();
    command_line::run(run)
}

fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let lines = [b'A', b'B'].map(|letter| Lines {
        letter,
        bytes: 200,
        count: 100_000,
    });
    let log = tempfile::NamedTempFile::new()?;
    let pool = Pool::builder(arguments.method).workers(2).start()?;
    let orders = lines.map(|lines| (log.path().to_owned(), lines, arguments.whole));
    pool.map(write_lines, orders)?
        .into_iter()
        .collect::<Result<(), String>>()?;
    println!("{}", Tally::of(BufReader::new(log.reopen()?), &lines)?);
    Ok(())
}

/// Has two workers write lines through a buffer each, and counts the torn ones
#[derive(Parser)]
struct Arguments {
    /// Tear no line
    #[arg(long)]
    whole: bool,

    /// How the workers come to be: fork, spawn or fork-server
    #[arg(long, default_value = "spawn")]
    method: StartMethod,
}
