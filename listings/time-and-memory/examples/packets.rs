//! A solution: the packets of one long write.

use std::io::{self, Read, Write};
use std::process::ExitCode;

use clap::Parser;
use mem_trace::trace;
use nix::fcntl::OFlag;
use nix::libc::PIPE_BUF;
use nix::unistd::pipe2;

/// Writes 10 000 bytes to a pipe in packet mode at once, and reads what comes
#[derive(Parser)]
struct Arguments {}

fn main() -> ExitCode {
    command_line::run(|_: Arguments| {
        one_long_write()?;
        mem_trace::check_output()
    })
}

// ANCHOR: solution
fn one_long_write() -> io::Result<()> {
    let (end, start) = pipe2(OFlag::O_DIRECT | OFlag::O_CLOEXEC)?;
    let (mut end, mut start) = (std::fs::File::from(end), std::fs::File::from(start));
    // The pipe has room for all of it, so this process does not wait for itself.
    let written = start.write(&[b'x'; 10_000])?;
    drop(start);
    trace!("One write: {written} bytes");

    let mut packet = [0; PIPE_BUF];
    loop {
        match end.read(&mut packet)? {
            0 => return Ok(()),
            bytes => trace!("One read: {bytes} bytes"),
        }
    }
}
// ANCHOR_END: solution
