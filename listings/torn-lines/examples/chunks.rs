//! A solution: long lines through one pipe, in chunks that it keeps whole.

use std::collections::HashMap;
use std::error::Error;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{self, ExitCode};
use std::thread;

use clap::Parser;
use process_pool::{Descriptor, Pool, StartMethod, Tasks};
use torn_lines::{Lines, Tally};

// ANCHOR: solution
/// What a pipe takes as a whole, on every Linux (pipe(7)).
const PIPE_BUF: usize = 4096;

/// In front of each chunk: its writer, the bytes that follow, and whether they end a line.
const HEAD: usize = 4 + 2 + 1;

/// Writes a line in chunks, each by one write.
fn write_line(mut to: &File, line: &[u8]) -> io::Result<()> {
    let mut chunks = line.chunks(PIPE_BUF - HEAD).peekable();
    while let Some(body) = chunks.next() {
        let mut chunk = process::id().to_ne_bytes().to_vec();
        chunk.extend((body.len() as u16).to_ne_bytes());
        chunk.push(chunks.peek().is_none().into());
        chunk.extend(body);
        to.write_all(&chunk)?;
    }
    Ok(())
}

/// The collector: it joins the chunks of each writer, and writes a line when it has all of it.
fn collect(mut from: impl Read, mut log: File) -> io::Result<()> {
    let mut begun: HashMap<[u8; 4], Vec<u8>> = HashMap::new();
    let mut head = [0; HEAD];
    while from.read(&mut head[..1])? == 1 {
        from.read_exact(&mut head[1..])?;
        let [w, r, i, t, low, high, last] = head;
        let line = begun.entry([w, r, i, t]).or_default();
        let from_here = line.len();
        line.resize(from_here + usize::from(u16::from_ne_bytes([low, high])), 0);
        from.read_exact(&mut line[from_here..])?;
        if last == 1 {
            log.write_all(line)?;
            line.clear();
        }
    }
    Ok(())
}
// ANCHOR_END: solution

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
