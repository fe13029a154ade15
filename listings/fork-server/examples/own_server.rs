//! A solution: a server that is forked while its parent is small, and forks the workers.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::Duration;

use clap::Parser;
use mem_trace::mebibytes;
use nix::libc;
use nix::sys::wait::{WaitStatus, wait, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

/// Starts four workers from a process that has grown
#[derive(Parser)]
struct Arguments {}

/// What this process has filled, and no worker needs.
static FILLED: OnceLock<Vec<u8>> = OnceLock::new();

fn filled() -> u64 {
    mebibytes(FILLED.get().map_or(0, Vec::len) as u64)
}

/// What a worker does; it ends with a status of its own.
fn work(number: u8) -> i32 {
    println!("worker {number} has {} MB of its parent's", filled());
    // So that all are there at one time.
    sleep(Duration::from_millis(500));
    10 + i32::from(number)
}

// ANCHOR: solution
fn main() -> ExitCode {
    command_line::run(|_: Arguments| -> io::Result<()> {
        let mut server = Server::start()?;
        FILLED.get_or_init(|| vec![1; 64 << 20]);
        for (number, status) in server.run(4)? {
            println!("worker {number} has ended with status {status}");
        }
        println!("the parent has {} MB", filled());
        server.end()?;
        println!("children left: {:?}", wait());
        Ok(())
    })
}

/// A process that forks workers and waits for them.
struct Server {
    process: Pid,
    /// An order is the number of workers; a report, a worker and its status.
    socket: UnixStream,
}

impl Server {
    fn start() -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        // SAFETY: this process has one thread, so the child may do all that it may.
        match unsafe { fork() }? {
            ForkResult::Child => {
                // Or the server has the other end of its own stream, which then never ends.
                drop(ours);
                let served = serve(theirs);
                // SAFETY: `_exit` has no preconditions. `println!` has written its line.
                unsafe { libc::_exit(i32::from(served.is_err())) }
            }
            ForkResult::Parent { child } => Ok(Self {
                process: child,
                socket: ours,
            }),
        }
    }

    /// Has `workers` workers started, and waits until all have ended.
    fn run(&mut self, workers: u8) -> io::Result<Vec<(u8, u8)>> {
        self.socket.write_all(&[workers])?;
        let mut reports = vec![[0; 2]; usize::from(workers)];
        for report in &mut reports {
            self.socket.read_exact(report)?;
        }
        Ok(reports
            .into_iter()
            .map(|[number, status]| (number, status))
            .collect())
    }

    fn end(self) -> io::Result<()> {
        drop(self.socket);
        waitpid(self.process, None)?;
        Ok(())
    }
}

fn serve(mut socket: UnixStream) -> io::Result<()> {
    let mut order = [0];
    while socket.read(&mut order)? > 0 {
        let mut workers = Vec::new();
        for number in 1..=order[0] {
            // SAFETY: the server has one thread too.
            match unsafe { fork() }? {
                ForkResult::Child => {
                    drop(socket);
                    // SAFETY: as above.
                    unsafe { libc::_exit(work(number)) }
                }
                ForkResult::Parent { child } => workers.push((child, number)),
            }
        }
        // Their statuses are for their parent alone, which is this process.
        for (process, number) in workers {
            let status = match waitpid(process, None)? {
                WaitStatus::Exited(_, status) => status as u8,
                _ => u8::MAX,
            };
            socket.write_all(&[number, status])?;
        }
    }
    Ok(())
}
// ANCHOR_END: solution
