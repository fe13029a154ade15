//! Two that write to each other at once, and what helps.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::thread;
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

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Way {
    /// The worker replies to each piece; the parent reads when it has written all
    AtOnce,
    /// The worker reads to the end before it replies
    ReadToTheEnd,
    /// The worker replies to each piece; a thread of the parent writes, another reads
    TwoThreads,
}

/// How long a write may make no progress.
const PATIENCE: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    command_line::run(|arguments: Arguments| exchange(arguments))
}

// ANCHOR: exchange
fn exchange(Arguments { way, bytes }: Arguments) -> io::Result<()> {
    let (mut ours, mut theirs) = UnixStream::pair()?;
    // SAFETY: this process has one thread, so the child may do all that it may.
    let worker = match unsafe { fork() }? {
        ForkResult::Child => {
            drop(ours);
            let served = match way {
                Way::ReadToTheEnd => reply_to_the_whole(&mut theirs),
                Way::AtOnce | Way::TwoThreads => reply_to_each_piece(&mut theirs),
            };
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
        Way::AtOnce | Way::ReadToTheEnd => write_then_read(&mut ours, bytes),
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
// ANCHOR_END: exchange

// ANCHOR: parent
fn write_then_read(socket: &mut UnixStream, bytes: usize) -> io::Result<Vec<u8>> {
    socket.write_all(&vec![1; bytes])?;
    socket.shutdown(Shutdown::Write)?;
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer)?;
    Ok(answer)
}
// ANCHOR_END: parent

// ANCHOR: solution
fn write_and_read(socket: &mut UnixStream, bytes: usize) -> io::Result<Vec<u8>> {
    let mut writing = socket.try_clone()?;
    thread::scope(|scope| {
        let writer = scope.spawn(move || {
            writing.write_all(&vec![1; bytes])?;
            writing.shutdown(Shutdown::Write)
        });
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer)?;
        writer
            .join()
            .map_err(|_| io::Error::other("the writer panicked"))??;
        Ok(answer)
    })
}
// ANCHOR_END: solution

// ANCHOR: worker
fn reply_to_each_piece(socket: &mut UnixStream) -> io::Result<()> {
    let mut piece = [0; 4096];
    loop {
        match socket.read(&mut piece)? {
            0 => return Ok(()),
            n => socket.write_all(&piece[..n])?,
        }
    }
}
// ANCHOR_END: worker

// ANCHOR: whole
fn reply_to_the_whole(socket: &mut UnixStream) -> io::Result<()> {
    let mut request = Vec::new();
    socket.read_to_end(&mut request)?;
    socket.write_all(&request)
}
// ANCHOR_END: whole
