//! A solution: your pool, step 2. A worker that dies is replaced, and its number tried again.

use std::collections::VecDeque;
use std::io::{self, PipeReader, Read, Write};
use std::mem;
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
use nix::sys::wait::{WaitStatus, wait, waitpid};
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

// ANCHOR: solution
/// How often a number may lose its worker.
const TRIES: usize = 2;

struct Worker {
    name: String,
    process: Pid,
    socket: UnixStream,
    /// The place of the number that it has.
    task: Option<usize>,
}

struct Pool {
    workers: Vec<Worker>,
    /// How many there have been.
    started: usize,
}

impl Pool {
    fn start(size: usize) -> io::Result<Self> {
        let workers = Vec::new();
        let mut pool = Self {
            workers,
            started: 0,
        };
        for _ in 0..size {
            let worker = pool.start_worker()?;
            pool.workers.push(worker);
        }
        Ok(pool)
    }

    fn start_worker(&mut self) -> io::Result<Worker> {
        self.started += 1;
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
                name: format!("W{}", self.started),
                process: child,
                socket: ours,
                task: None,
            }),
        }
    }

    /// The square of each number, in the order of the numbers, or what its workers died of.
    fn map(&mut self, numbers: &[u64]) -> io::Result<Vec<Result<u64, String>>> {
        let mut queue: VecDeque<usize> = (0..numbers.len()).collect();
        let mut squares = vec![Ok(0); numbers.len()];
        let mut lost = vec![Vec::new(); numbers.len()];
        loop {
            for worker in self.workers.iter_mut().filter(|w| w.task.is_none()) {
                worker.task = queue.pop_front();
                if let Some(place) = worker.task {
                    // It may have died meanwhile: then its socket says so when it is read.
                    let _ = worker.socket.write_all(&numbers[place].to_ne_bytes());
                }
            }
            if self.workers.iter().all(|worker| worker.task.is_none()) {
                return Ok(squares);
            }
            for at in self.heard()? {
                let worker = &mut self.workers[at];
                let mut answer = [0; 8];
                let answered = worker.socket.read_exact(&mut answer);
                let task = worker.task.take();
                let ending = match answered {
                    Ok(()) => None,
                    Err(_) => Some(self.replace(at)?),
                };
                match (task, ending) {
                    (Some(place), None) => squares[place] = Ok(u64::from_ne_bytes(answer)),
                    (Some(place), Some(ending)) => {
                        lost[place].push(ending);
                        if lost[place].len() < TRIES {
                            queue.push_back(place);
                        } else {
                            squares[place] = Err(lost[place].join(", then "));
                        }
                    }
                    (None, _) => {}
                }
            }
        }
    }

    /// Puts a new worker in the place of one that has ended, and says what became of that one.
    fn replace(&mut self, at: usize) -> io::Result<String> {
        let new = self.start_worker()?;
        let old = mem::replace(&mut self.workers[at], new);
        Ok(match waitpid(old.process, None)? {
            WaitStatus::Signaled(_, signal, _) => format!("{} was killed by {signal}", old.name),
            other => format!("{} ended: {other:?}", old.name),
        })
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
// ANCHOR_END: solution
