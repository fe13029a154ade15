//! Your version: long lines through one pipe, and none of them is to be torn.

use std::error::Error;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;
use std::thread;

use clap::Parser;
use process_pool::{Descriptor, Pool, StartMethod, Tasks};
use torn_lines::{Lines, Tally};

/// Writes a line, by one write.
fn write_line(mut to: &File, line: &[u8]) -> io::Result<()> {
    to.write_all(line)
}

/// The collector: what comes goes to the log.
fn collect(mut from: impl Read, mut log: File) -> io::Result<()> {
    let mut bytes = vec![0; 64 << 10];
    loop {
        match from.read(&mut bytes)? {
            0 => return Ok(()),
            some => log.write_all(&bytes[..some])?,
        }
    }
}

/// The task: long lines into the pipe.
fn write_lines((to, lines): (Descriptor, Lines)) -> Result<(), String> {
    let write = || {
        let to = File::from(to.as_fd().try_clone_to_owned()?);
        let line = lines.line();
        (0..lines.count).try_for_each(|_| write_line(&to, &line))
    };
    write().map_err(|error: io::Error| error.to_string())
}

fn main() -> ExitCode {
    Tasks::new().add(write_lines).serve_if_worker();
    command_line::run(run)
}

fn run(_: Arguments) -> Result<(), Box<dyn Error>> {
    let lines = [b'A', b'B'].map(|letter| Lines {
        letter,
        bytes: 12_000,
        count: 1500,
    });
    let log = tempfile::NamedTempFile::new()?;
    let written = log.reopen()?;
    let (from, to) = io::pipe()?;
    let pool = Pool::builder(StartMethod::Spawn).workers(2).start()?;
    let collector = thread::spawn(move || collect(BufReader::new(from), written));
    let to = Descriptor::from(OwnedFd::from(to));
    let sent = pool.map(write_lines, lines.map(|lines| (to.clone(), lines)));
    drop(to);
    drop(pool);
    collector.join().map_err(|_| "the collector panicked")??;
    sent?.into_iter().collect::<Result<(), String>>()?;
    println!("{}", Tally::of(BufReader::new(log.reopen()?), &lines)?);
    Ok(())
}

/// Has two workers write long lines into one pipe, and counts the lines that were collected
#[derive(Parser)]
struct Arguments {}
