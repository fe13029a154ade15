//! A service that reloads while a worker is at its job.

use std::error::Error;
use std::io::{self, PipeWriter, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use clap::{Parser, ValueEnum};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork};
use start_methods::children::leave;

/// Listens on a port, starts a worker, and reloads: closes the port and opens it again
#[derive(Parser)]
struct Arguments {
    /// How the worker begins
    #[arg(value_enum)]
    worker: Begins,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Begins {
    /// Forked, and at its job at once
    Fork,
    /// Forked, and closing the port before its job
    ForkAndClose,
    /// Spawned
    Spawn,
}

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_millis(200);

fn reload(begins: Begins) -> Result<(), Box<dyn Error>> {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = port.local_addr()?;
    println!("the service listens on {address}");
    let (port, worker) = match begins {
        Begins::Fork => forked(port, false)?,
        Begins::ForkAndClose => forked(port, true)?,
        Begins::Spawn => (port, Worker::Spawned(spawned()?)),
    };
    println!("a worker is at its job");

    // ANCHOR: reload
    // The configuration may name another port by now.
    drop(port);
    println!("the service has closed its port");
    println!("a client {}", client(address));
    let port = TcpListener::bind(address)
        .map_err(|error| format!("cannot listen on {address} again: {error}"))?;
    println!("the service listens on {address} again");
    // ANCHOR_END: reload

    worker.end()?;
    println!("the worker has done its job");
    drop(port);
    Ok(())
}

/// What becomes of a client while the service has no port.
fn client(address: SocketAddr) -> String {
    let asked = TcpStream::connect(address).and_then(|mut stream| {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(b"are you there?")?;
        stream.read(&mut [0])
    });
    match asked {
        Ok(read) => format!("connects, and reads {read} bytes"),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            "connects, and gets no answer".to_owned()
        }
        Err(error) => format!("does not connect: {error}"),
    }
}

/// A process at its job, which takes until its input ends.
enum Worker {
    Forked(Pid, PipeWriter),
    Spawned(Child),
}

impl Worker {
    fn end(self) -> io::Result<()> {
        match self {
            Self::Forked(process, input) => {
                drop(input);
                waitpid(process, None)?;
            }
            // Its standard input is closed first.
            Self::Spawned(mut process) => drop(process.wait()?),
        }
        Ok(())
    }
}

fn forked(port: TcpListener, closes: bool) -> io::Result<(TcpListener, Worker)> {
    let (mut job, input) = io::pipe()?;
    let (mut ready, mut at_work) = io::pipe()?;
    // SAFETY: this process has one thread, so the child may do all that its parent may.
    match unsafe { fork() }? {
        ForkResult::Child => {
            drop(input);
            if closes {
                drop(port);
            }
            let done = at_work.write_all(&[1]).and_then(|()| job.read(&mut [0]));
            leave(i32::from(done.is_err()))
        }
        ForkResult::Parent { child } => {
            drop(at_work);
            ready.read_exact(&mut [0])?;
            Ok((port, Worker::Forked(child, input)))
        }
    }
}

fn spawned() -> io::Result<Child> {
    // cat(1) reads its input to the end.
    let mut command = Command::new("cat");
    command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn()
}

fn main() -> ExitCode {
    command_line::run(|arguments: Arguments| reload(arguments.worker))
}
