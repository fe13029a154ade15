//! How many write(2) calls a line is: a pipe in packet mode keeps them apart.

use std::fs::File;
use std::hint::black_box;
use std::io::{self, Read};
use std::process::ExitCode;

use clap::Parser;
use mem_trace::{check_output, trace};
use nix::fcntl::OFlag;
use nix::libc::PIPE_BUF;
use nix::unistd::{dup2_stderr, dup2_stdout, pipe2};
use time_and_memory::worker::Worker;

fn main() -> ExitCode {
    command_line::run(|_: Arguments| count_all())
}

fn count_all() -> io::Result<()> {
    // Literals would be put into the text while compiling.
    let (worker, batch, batches) = black_box((1, 2, 3));
    count("eprintln!, three arguments", || {
        eprintln!("worker {worker}: batch {batch} of {batches}");
    })?;
    count("println!, three arguments", || {
        println!("worker {worker}: batch {batch} of {batches}");
    })?;
    count("println!, a long argument", || {
        println!("worker {worker}: {}", "x".repeat(1500));
    })?;
    count("trace!, three arguments", || {
        trace!("worker {worker}: batch {batch} of {batches}");
    })?;
    count("trace!, a long argument", || {
        trace!("worker {worker}: {}", "x".repeat(1500));
    })?;
    check_output()
}

// ANCHOR: writes
/// Lets a forked child print to a pipe in which each write(2) stays a packet, and counts
/// the packets: each read(2) gives one.
fn count(what: &str, print: impl FnOnce()) -> io::Result<()> {
    let (end, start) = pipe2(OFlag::O_DIRECT | OFlag::O_CLOEXEC)?;
    let mut end = File::from(end);
    let child = Worker::fork(1, |_| {
        dup2_stdout(&start)?;
        dup2_stderr(&start)?;
        print();
        Ok(())
    })?;
    // The pipe ends when nobody has its start any more: this process must let go too.
    drop(start);
    // All is written before the first read, which has room for all of it: nothing but the
    // packets keeps the writes apart. The pipe has 16 pages (pipe(7)), a packet takes one.
    child.join()?;

    let mut packets: Vec<usize> = Vec::new();
    let mut room = [0; 16 * PIPE_BUF];
    loop {
        match end.read(&mut room)? {
            0 => break,
            bytes => packets.push(bytes),
        }
    }
    trace!("{what}: writes={} of {packets:?} bytes", packets.len());
    Ok(())
}
// ANCHOR_END: writes

/// Counts the write(2) calls that a line is
#[derive(Parser)]
struct Arguments {}
