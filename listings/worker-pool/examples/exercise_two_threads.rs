//! Your version: the worker replies to each piece as it comes, and keeps nothing. Its parent is
//! to get all the replies.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use nix::libc;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, fork};

/// Sends a worker bytes, 4 MiB if nothing else is said, and gets as many back
#[derive(Parser)]
struct Arguments {
    /// Who reads when
    #[arg(value_enum)]
    way: Way,

    /// How many bytes
    #[arg(long, default_value = "4_194_304", value_parser = command_line::count::<{ 4 << 20 }>)]
    bytes: usize,
}

#[derive(Clone, Copy, ValueEnum)]
enum Way {
    /// The worker replies to each piece; a thread of the parent writes, another reads
    TwoThreads,
}

/// How long a write may make no progress.
const PATIENCE: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    command_line::run(|arguments: Arguments| exchange(arguments))
}

fn exchange(Arguments { way, bytes }: Arguments) -> io::Result<()> {
    let (mut ours, mut theirs) = UnixStream::pair()?;
    // SAFETY: this process has one thread, so the child may do all that it may.
    let worker = match unsafe { fork() }? {
        ForkResult::Child => {
            drop(ours);
            let served = reply_to_each_piece(&mut theirs);
            // SAFETY: `_exit` has no preconditions.
            unsafe { libc::_exit(i32::from(served.is_err())) }
        }
        ForkResult::Parent { child } => child,
    };
    drop(theirs);
    // The watchdog: without it a write that nobody makes room for waits for ever.
    ours.set_write_timeout(Some(PATIENCE))?;
    let answer = match way {
        Way::TwoThreads => write_and_read(&mut ours, bytes),
    };
    if answer.is_err() {
        kill(worker, Signal::SIGKILL)?;
    }
    drop(ours);
    waitpid(worker, None)?;
    let answer = answer.map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => io::Error::other(
            "no room to write for a second: the worker did not read; it was killed, the batch is lost",
        ),
        _ => error,
    })?;
    println!("{bytes} bytes sent, {} came back", answer.len());
    Ok(())
}

fn write_and_read(socket: &mut UnixStream, bytes: usize) -> io::Result<Vec<u8>> {
    socket.write_all(&vec![1; bytes])?;
    socket.shutdown(Shutdown::Write)?;
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer)?;
    Ok(answer)
}

fn reply_to_each_piece(socket: &mut UnixStream) -> io::Result<()> {
    let mut piece = [0; 4096];
    loop {
        match socket.read(&mut piece)? {
            0 => return Ok(()),
            n => socket.write_all(&piece[..n])?,
        }
    }
}
