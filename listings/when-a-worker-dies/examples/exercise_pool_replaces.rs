//! Your version: your pool, step 2. Now workers die. Each is to be replaced, and its number to be
//! tried once more, by another worker; what is lost even so is to be an error of that number.

use std::collections::VecDeque;
use std::io::{self, PipeReader, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::Duration;

use clap::Parser;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, raise};
use nix::sys::wait::{wait, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

/// Squares seven numbers in worker processes that may die
#[derive(Parser)]
struct Arguments {}

/// The task. One worker has bad luck at the number 3; the number 5 brings it to each.
fn square(number: u64) -> u64 {
    println!("{number} begins");
    sleep(Duration::from_millis(30));
    if number == 5 || number == 3 && has_bad_luck() {
        let _ = raise(Signal::SIGKILL);
    }
    number * number
}

/// A pipe with one byte in it, and then its end: of all workers one gets the byte.
static BAD_LUCK: OnceLock<PipeReader> = OnceLock::new();

fn has_bad_luck() -> bool {
    let luck = BAD_LUCK.get();
    luck.is_some_and(|mut pipe| pipe.read(&mut [0]).is_ok_and(|bytes| bytes == 1))
}

fn main() -> ExitCode {
    command_line::run(|_: Arguments| -> io::Result<()> {
        let (luck, mut source) = io::pipe()?;
        source.write_all(&[0])?;
        drop(source);
        let _ = BAD_LUCK.set(luck);

        let mut pool = Pool::start(2)?;
        let squares = pool.map(&[1, 2, 3, 4, 5, 6, 7])?;
        for (number, square) in (1..).zip(squares) {
            println!("{number}: {square:?}");
        }
        pool.end()?;
        // ECHILD: nothing runs, and nothing waits to be reaped.
        println!("children left: {:?}", wait());
        Ok(())
    })
}

/// A worker: a number comes, its square goes back, until the stream ends.
fn serve(mut socket: UnixStream) -> io::Result<()> {
    let mut number = [0; 8];
    while socket.read(&mut number)? == number.len() {
        let answer = square(u64::from_ne_bytes(number));
        socket.write_all(&answer.to_ne_bytes())?;
    }
    Ok(())
}

struct Worker {
    process: Pid,
    socket: UnixStream,
    /// The place of the number that it has.
    task: Option<usize>,
}

struct Pool {
    workers: Vec<Worker>,
}

impl Pool {
    fn start(size: usize) -> io::Result<Self> {
        let workers = Vec::new();
        let mut pool = Self { workers };
        for _ in 0..size {
            let worker = pool.start_worker()?;
            pool.workers.push(worker);
        }
        Ok(pool)
    }

    fn start_worker(&mut self) -> io::Result<Worker> {
        let (ours, theirs) = UnixStream::pair()?;
        // SAFETY: this process has one thread, so the child may do all that it may.
        match unsafe { fork() }? {
            ForkResult::Child => {
                // The parent's ends: of this worker, and of those that were there before.
                drop(ours);
                self.workers.clear();
                let served = serve(theirs);
                // SAFETY: `_exit` has no preconditions. `println!` has written its line.
                unsafe { libc::_exit(i32::from(served.is_err())) }
            }
            ForkResult::Parent { child } => Ok(Worker {
                process: child,
                socket: ours,
                task: None,
            }),
        }
    }

    /// The square of each number, in the order of the numbers.
    fn map(&mut self, numbers: &[u64]) -> io::Result<Vec<u64>> {
        let mut queue: VecDeque<usize> = (0..numbers.len()).collect();
        let mut squares = vec![0; numbers.len()];
        loop {
            for worker in self.workers.iter_mut().filter(|w| w.task.is_none()) {
                worker.task = queue.pop_front();
                if let Some(place) = worker.task {
                    worker.socket.write_all(&numbers[place].to_ne_bytes())?;
                }
            }
            if self.workers.iter().all(|worker| worker.task.is_none()) {
                return Ok(squares);
            }
            for at in self.heard()? {
                let worker = &mut self.workers[at];
                let mut answer = [0; 8];
                worker.socket.read_exact(&mut answer)?;
                if let Some(place) = worker.task.take() {
                    squares[place] = u64::from_ne_bytes(answer);
                }
            }
        }
    }

    /// Waits until there is something to read, and says from which workers.
    fn heard(&self) -> io::Result<Vec<usize>> {
        let sockets = self.workers.iter().map(|worker| worker.socket.as_fd());
        let sockets = sockets.map(|socket| PollFd::new(socket, PollFlags::POLLIN));
        let mut sockets: Vec<PollFd<'_>> = sockets.collect();
        poll(&mut sockets, PollTimeout::NONE)?;
        let heard = |at: &usize| sockets[*at].any() == Some(true);
        Ok((0..sockets.len()).filter(heard).collect())
    }

    fn end(self) -> io::Result<()> {
        for worker in self.workers {
            drop(worker.socket);
            waitpid(worker.process, None)?;
        }
        Ok(())
    }
}
