//! A solution: a reader that follows a log, and takes a line when its newline is there.

use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use clap::Parser;
use process_pool::{Pool, StartMethod, Tasks};
use torn_lines::Lines;

const LINES: Lines = Lines {
    letter: b'A',
    bytes: 12_000,
    count: 100,
};

/// Long enough for a reader to look.
const MOMENT: Duration = Duration::from_millis(2);

/// The task: lines whose two halves come one after the other.
fn write_lines(path: PathBuf) -> Result<(), String> {
    let line = LINES.line();
    let (name, message) = line.split_at(LINES.bytes / 2);
    let write = || {
        let mut log = File::options().append(true).open(path)?;
        for _ in 0..LINES.count {
            log.write_all(name)?;
            sleep(MOMENT);
            log.write_all(message)?;
        }
        Ok(())
    };
    write().map_err(|error: std::io::Error| error.to_string())
}

// ANCHOR: solution
/// Takes lines while they are being written, until there are as many as `LINES` has.
fn follow(log: File) -> Result<(), Box<dyn Error>> {
    let mut reader = BufReader::new(log);
    let [mut whole, mut torn] = [0, 0];
    let mut line = Vec::new();
    while whole + torn < LINES.count {
        reader.read_until(b'\n', &mut line)?;
        if line.last() != Some(&b'\n') {
            // The end of the file, and no more than that: the rest will be read behind it.
            sleep(MOMENT);
            continue;
        }
        if whole + torn == 0 {
            say_how_long(reader.get_ref())?;
        }
        if line == LINES.line() {
            whole += 1;
        } else {
            torn += 1;
        }
        line.clear();
    }
    println!("Taken: {whole} whole, {torn} torn");
    Ok(())
}
// ANCHOR_END: solution

/// Whether the log is complete when its first line is taken.
fn say_how_long(log: &File) -> Result<(), Box<dyn Error>> {
    let complete = log.metadata()?.len() == (LINES.bytes * LINES.count) as u64;
    println!(
        "The first line is taken {} the last is written",
        if complete { "after" } else { "before" }
    );
    Ok(())
}

fn main() -> ExitCode {
    Tasks::new().add(write_lines).serve_if_worker();
    command_line::run(run)
}

fn run(_: Arguments) -> Result<(), Box<dyn Error>> {
    let log = tempfile::NamedTempFile::new()?;
    let pool = Pool::builder(StartMethod::Spawn).workers(1).start()?;
    let writing = pool.submit(write_lines, log.path().to_owned())?;
    follow(log.reopen()?)?;
    writing.wait()?.map_err(Into::into)
}

/// Follows a log while another process appends lines to it
#[derive(Parser)]
struct Arguments {}
