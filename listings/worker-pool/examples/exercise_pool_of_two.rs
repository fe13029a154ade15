//! Your version: your pool, step 1. It has one worker; it is to have two, which are at work at
//! once, and the results are to stay in the order of the numbers.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use clap::Parser;
use nix::libc;
use nix::sys::wait::{wait, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

/// Squares seven numbers in worker processes
#[derive(Parser)]
struct Arguments {}

/// The task. The number 1 takes longer than all the others together.
fn square(number: u64) -> u64 {
    sleep(Duration::from_millis(if number == 1 { 900 } else { 30 }));
    number * number
}

fn main() -> ExitCode {
    command_line::run(|_: Arguments| -> io::Result<()> {
        let mut pool = Pool::start(2)?;
        println!("squares: {:?}", pool.map(&[1, 2, 3, 4, 5, 6, 7])?);
        pool.end()?;
        // ECHILD: nothing runs, and nothing waits to be reaped.
        println!("children left: {:?}", wait());
        Ok(())
    })
}

/// A worker: a number comes, its square goes back, until the stream ends.
fn serve(mut socket: UnixStream) -> io::Result<()> {
    let mut squared = 0;
    let mut number = [0; 8];
    while socket.read(&mut number)? == number.len() {
        let answer = square(u64::from_ne_bytes(number));
        socket.write_all(&answer.to_ne_bytes())?;
        squared += 1;
    }
    println!("a worker has squared {squared}, and ends");
    Ok(())
}

struct Worker {
    process: Pid,
    socket: UnixStream,
}

struct Pool {
    worker: Worker,
}

impl Pool {
    fn start(_size: usize) -> io::Result<Self> {
        let worker = Worker::start()?;
        Ok(Self { worker })
    }

    /// The square of each number, in the order of the numbers.
    fn map(&mut self, numbers: &[u64]) -> io::Result<Vec<u64>> {
        let mut squares = Vec::new();
        for number in numbers {
            let socket = &mut self.worker.socket;
            socket.write_all(&number.to_ne_bytes())?;
            let mut answer = [0; 8];
            socket.read_exact(&mut answer)?;
            squares.push(u64::from_ne_bytes(answer));
        }
        Ok(squares)
    }

    fn end(self) -> io::Result<()> {
        drop(self.worker.socket);
        waitpid(self.worker.process, None)?;
        Ok(())
    }
}

impl Worker {
    fn start() -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        // SAFETY: this process has one thread, so the child may do all that it may.
        match unsafe { fork() }? {
            ForkResult::Child => {
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
}
