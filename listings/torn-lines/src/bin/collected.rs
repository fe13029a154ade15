//! Long lines, each a message to the one process that writes the file.

use std::error::Error;
use std::fs::File;
use std::io::{BufReader, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::process::ExitCode;
use std::thread;

use clap::Parser;
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, send, socketpair};
use process_pool::{Descriptor, Pool, StartMethod, Tasks};
use torn_lines::{Lines, Tally};

// ANCHOR: collect
/// The task: each line is one message.
fn send_lines((to, lines): (Descriptor, Lines)) -> Result<(), String> {
    let line = lines.line();
    for _ in 0..lines.count {
        send(to.as_fd().as_raw_fd(), &line, MsgFlags::MSG_NOSIGNAL)
            .map_err(|error| format!("a message of {} bytes: {error}", line.len()))?;
    }
    Ok(())
}

/// The collector: it alone writes the file. Zero bytes are the end of all senders.
fn collect(from: OwnedFd, mut log: File) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut message = vec![0; LONGEST];
    loop {
        match recv(from.as_raw_fd(), &mut message, MsgFlags::empty()) {
            Ok(0) => return Ok(()),
            Ok(length) => log.write_all(&message[..length])?,
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
// ANCHOR_END: collect

fn main() -> ExitCode {
    Tasks::new().add(send_lines).serve_if_worker();
    command_line::run(run)
}

fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let lines = [b'A', b'B'].map(|letter| Lines {
        letter,
        bytes: arguments.bytes,
        count: arguments.lines,
    });
    let log = tempfile::NamedTempFile::new()?;
    let written = log.reopen()?;
    // ANCHOR: run
    let (from, to) = socketpair(
        AddressFamily::Unix,
        SockType::SeqPacket,
        None,
        SockFlag::SOCK_CLOEXEC,
    )?;
    let pool = Pool::builder(arguments.method).workers(2).start()?;
    let collector = thread::spawn(move || collect(from, written));
    let to = Descriptor::from(to);
    let sent = pool.map(send_lines, lines.map(|lines| (to.clone(), lines)));
    drop(to);
    drop(pool);
    collector
        .join()
        .map_err(|_| "the collector panicked")?
        .map_err(|error| -> Box<dyn Error> { error })?;
    // ANCHOR_END: run
    sent?.into_iter().collect::<Result<(), String>>()?;
    println!("{}", Tally::of(BufReader::new(log.reopen()?), &lines)?);
    Ok(())
}

/// Bytes of the longest line that the collector takes.
const LONGEST: usize = 1 << 20;

/// Has two workers send long lines to a collector, and counts the lines in its file
#[derive(Parser)]
struct Arguments {
    /// Bytes of a line, its newline included
    #[arg(long, default_value = "12_000", value_parser = command_line::count::<LONGEST>)]
    bytes: usize,

    /// Lines of each worker
    #[arg(long, default_value = "3_000", value_parser = command_line::count::<1_000_000>)]
    lines: usize,

    /// How the workers come to be: fork, spawn or fork-server
    #[arg(long, default_value = "spawn")]
    method: StartMethod,
}
