//! The floor: a socket for each worker, the part written to it, its sum read from it.
//!
//! ```text
//! cargo run --release -p transports --bin by-raw-socket
//! ```

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, ExitCode};

use anyhow::{Result, ensure};
use bytes::Bytes;
use clap::Parser;
use memmap2::{Advice, MmapMut};
use nix::sys::socket::{setsockopt, sockopt};
use transports::contender::Task;
use transports::workers::{feed, this_program};

/// Room for bytes on their way, as much as this book's pool asks for.
const SOCKET_BUFFER: usize = 1 << 20;

fn main() -> ExitCode {
    command_line::run(|arguments: Arguments| match arguments.worker {
        Some(_) => serve(),
        None => arguments
            .task
            .measure(|records| feed(records, Worker::start, Worker::sum, Worker::end)),
    })
}

/// Sums the parts that come through raw sockets
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    task: Task,

    #[arg(long, hide = true)]
    worker: Option<String>,
}

struct Worker {
    socket: UnixStream,
    process: Child,
}

impl Worker {
    fn start(_number: usize) -> Result<Self> {
        let (socket, theirs) = UnixStream::pair()?;
        setsockopt(&socket, sockopt::SndBuf, &SOCKET_BUFFER)?;
        let process = this_program("stdin")?
            .stdin(OwnedFd::from(theirs))
            .spawn()?;
        Ok(Self { socket, process })
    }

    fn sum(&mut self, part: Bytes) -> Result<f64> {
        self.socket.write_all(&part.len().to_ne_bytes())?;
        self.socket.write_all(&part)?;
        let mut sum = [0; size_of::<f64>()];
        self.socket.read_exact(&mut sum)?;
        Ok(f64::from_ne_bytes(sum))
    }

    fn end(mut self) -> Result<()> {
        drop(self.socket);
        ensure!(self.process.wait()?.success(), "the worker failed");
        Ok(())
    }
}

/// The worker: its standard input is the socket, and one buffer takes part after part.
fn serve() -> Result<()> {
    let mut socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut buffer = MmapMut::map_anon(1)?;
    let mut length = [0; size_of::<usize>()];
    while socket.read(&mut length[..1])? == 1 {
        socket.read_exact(&mut length[1..])?;
        let length = usize::from_ne_bytes(length);
        if length > buffer.len() {
            buffer = MmapMut::map_anon(length)?;
            buffer.advise(Advice::HugePage)?;
        }
        let part = &mut buffer[..length];
        socket.read_exact(part)?;
        socket.write_all(&transports::sum(part)?.to_ne_bytes())?;
    }
    Ok(())
}
