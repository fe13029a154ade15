//! Your version: what is written to a pipe in packet mode is to come out of it, all of it.

use std::io::{self, Read, Write};
use std::process::ExitCode;

use clap::Parser;
use mem_trace::trace;
use nix::fcntl::OFlag;
use nix::unistd::pipe2;

/// Writes 10 000 bytes at once to a pipe in packet mode, then to another, and reads what comes
#[derive(Parser)]
struct Arguments {}

fn main() -> ExitCode {
    command_line::run(|_: Arguments| {
        one_long_write(OFlag::O_DIRECT)?;
        one_long_write(OFlag::empty())?;
        mem_trace::check_output()
    })
}

fn one_long_write(mode: OFlag) -> io::Result<()> {
    let (end, start) = pipe2(mode | OFlag::O_CLOEXEC)?;
    let (mut end, mut start) = (std::fs::File::from(end), std::fs::File::from(start));
    // The pipe has room for all of it, so this process does not wait for itself.
    let written = start.write(&[b'x'; 10_000])?;
    drop(start);

    // As much at a time as there is room for.
    let mut room = [0; 1_000];
    let mut reads = Vec::new();
    loop {
        match end.read(&mut room)? {
            0 => break,
            bytes => reads.push(bytes),
        }
    }
    let pipe = if mode.contains(OFlag::O_DIRECT) {
        "in packet mode"
    } else {
        "of the ordinary kind"
    };
    trace!("A pipe {pipe}: one write of {written} bytes is read as {reads:?}");
    Ok(())
}
