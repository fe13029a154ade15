//! A solution: a forked worker keeps its job, and nothing else of the service's.

use std::error::Error;
use std::fs::File;
use std::io::{self, ErrorKind, PipeReader, PipeWriter, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, IntoRawFd};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use clap::Parser;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, dup, fork};
use start_methods::children::leave;

/// Forks a worker from a service that has much open, and gives up all of it
#[derive(Parser)]
struct Arguments {}

/// What the service has open.
struct Service {
    port: TcpListener,
    connection: TcpStream,
    log: PipeWriter,
}

// ANCHOR: solution
/// Forks a worker, and comes back when it is at its job.
fn start_worker(
    service: Service,
    job: &mut UnixStream,
    end: UnixStream,
) -> io::Result<(Service, Pid)> {
    // SAFETY: this process has one thread, so the child may do all that it may.
    match unsafe { fork() }? {
        ForkResult::Child => {
            let done = keep_alone(&end).and_then(|()| work(end));
            leave(i32::from(done.is_err()))
        }
        ForkResult::Parent { child } => {
            drop(end);
            job.read_exact(&mut [0])?;
            Ok((service, child))
        }
    }
}

/// Takes from this process what a fork has handed on, but for one descriptor
/// and those of its input and output. No value that owns another may be used
/// or dropped afterwards.
fn keep_alone(end: &UnixStream) -> io::Result<()> {
    let kept = end.as_raw_fd().unsigned_abs();
    close_all(3, kept - 1)?;
    close_all(kept + 1, u32::MAX)?;
    Ok(SigSet::all().thread_unblock()?)
}

/// Closes the descriptors from `first` to `last`, of which there may be none.
fn close_all(first: u32, last: u32) -> io::Result<()> {
    // SAFETY: nobody in this process uses one of them any more.
    if first <= last && unsafe { libc::close_range(first, last, 0) } == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
// ANCHOR_END: solution

/// The job: says that it has begun, and waits for its end.
fn work(mut end: UnixStream) -> io::Result<()> {
    end.write_all(&[1])?;
    end.read(&mut [0]).map(drop)
}

fn serve(_: Arguments) -> Result<(), Box<dyn Error>> {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = port.local_addr()?;
    let client = TcpStream::connect(address)?;
    let (connection, _) = port.accept()?;
    let (reader, log) = io::pipe()?;
    // A library has a copy of the log, and tells nobody.
    let library = File::from(dup(&log)?).into_raw_fd();
    SigSet::from(Signal::SIGTERM).thread_block()?;

    let service = Service {
        port,
        connection,
        log,
    };
    let (mut job, end) = UnixStream::pair()?;
    let (service, worker) = start_worker(service, &mut job, end)?;
    println!("a worker is at its job");

    let Service {
        port,
        connection,
        log,
    } = service;
    drop((port, connection, log));
    nix::unistd::close(library)?;
    println!("the service has closed its port, a connection and its log");
    println!("a new client {}", new_client(address));
    println!("the client that was there {}", old_client(client));
    println!("the reader of the log {}", reader_of_the_log(&reader)?);
    println!("the worker {}", terminate(worker)?);
    Ok(())
}

/// How long the others wait before they give up.
const PATIENCE: Duration = Duration::from_millis(500);

fn new_client(address: SocketAddr) -> &'static str {
    match TcpStream::connect(address) {
        Ok(_) => "connects, and nobody will answer",
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => "is refused",
        Err(_) => "does not connect",
    }
}

fn old_client(mut client: TcpStream) -> &'static str {
    let read = client
        .set_read_timeout(Some(PATIENCE))
        .and_then(|()| client.read(&mut [0]));
    match read {
        Ok(0) => "reads the end",
        _ => "waits",
    }
}

fn reader_of_the_log(reader: &PipeReader) -> nix::Result<&'static str> {
    let mut ends = [PollFd::new(reader.as_fd(), PollFlags::POLLIN)];
    let timeout = PollTimeout::try_from(PATIENCE).unwrap_or(PollTimeout::MAX);
    Ok(match poll(&mut ends, timeout)? {
        0 => "waits",
        _ => "reads the end",
    })
}

/// Asks the worker to end, and makes it end if it does not.
fn terminate(worker: Pid) -> nix::Result<String> {
    kill(worker, Signal::SIGTERM)?;
    for _ in 0..200 {
        match waitpid(worker, Some(WaitPidFlag::WNOHANG))? {
            WaitStatus::StillAlive => sleep(PATIENCE / 50),
            WaitStatus::Signaled(_, signal, _) => return Ok(format!("is ended by {signal}")),
            other => return Ok(format!("has ended otherwise: {other:?}")),
        }
    }
    kill(worker, Signal::SIGKILL)?;
    waitpid(worker, None)?;
    Ok("does not hear SIGTERM".to_owned())
}

fn main() -> ExitCode {
    command_line::run(serve)
}
