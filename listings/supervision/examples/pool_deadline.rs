//! A solution: your pool, step 3. A worker that is late ends, with all that it has started.

use std::collections::VecDeque;
use std::error::Error;
use std::io::{self, PipeReader, Read, Write};
use std::mem;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, ExitCode};
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

use clap::Parser;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::{Signal, killpg, raise};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::{ForkResult, Pid, fork, setpgid};
use supervision::process::left_until;

/// Squares seven numbers in worker processes that may die, or take too long
#[derive(Parser)]
struct Arguments {}

/// The task. One worker has bad luck at the number 3; the number 5 starts a program of its own
/// and waits for it.
fn square(number: u64) -> u64 {
    println!("{number} begins");
    sleep(Duration::from_millis(30));
    if number == 3 && has_bad_luck() {
        let _ = raise(Signal::SIGKILL);
    }
    if number == 5 {
        let program = "sleep 4; echo what 5 has started comes to its end";
        let _ = Command::new("sh").args(["-c", program]).status();
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
    command_line::run(|_: Arguments| -> Result<(), Box<dyn Error>> {
        // What loses its parent comes to this process.
        prctl::set_child_subreaper(true)?;
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
        let left = waitpid(None, Some(WaitPidFlag::WNOHANG));
        println!("children left: {left:?}");
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
/// How long a number may take.
const PATIENCE: Duration = Duration::from_secs(1);

struct Worker {
    name: String,
    process: Pid,
    socket: UnixStream,
    /// The place of the number that it has.
    task: Option<usize>,
    /// When it should have answered.
    deadline: Instant,
    /// Whether it had not, and was killed.
    late: bool,
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
                // A group of its own, before it starts anything: that is in the group as well.
                let own = setpgid(Pid::from_raw(0), Pid::from_raw(0));
                let served = own.map_err(io::Error::from).and_then(|()| serve(theirs));
                // SAFETY: `_exit` has no preconditions. `println!` has written its line.
                unsafe { libc::_exit(i32::from(served.is_err())) }
            }
            ForkResult::Parent { child } => Ok(Worker {
                name: format!("W{}", self.started),
                process: child,
                socket: ours,
                task: None,
                deadline: Instant::now(),
                late: false,
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
                    worker.deadline = Instant::now() + PATIENCE;
                }
            }
            if self.workers.iter().all(|worker| worker.task.is_none()) {
                return Ok(squares);
            }
            let heard = self.heard()?;
            self.kill_late()?;
            for at in heard {
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

    /// Kills each worker whose deadline has passed, with all that it has started. That it has
    /// ended is heard afterwards.
    fn kill_late(&mut self) -> io::Result<()> {
        let now = Instant::now();
        let busy = self
            .workers
            .iter_mut()
            .filter(|w| w.task.is_some() && !w.late);
        for worker in busy.filter(|worker| worker.deadline <= now) {
            worker.late = true;
            killpg(worker.process, Signal::SIGKILL)?;
        }
        Ok(())
    }

    /// Puts a new worker in the place of one that has ended, and says what became of that one.
    fn replace(&mut self, at: usize) -> io::Result<String> {
        let new = self.start_worker()?;
        let Worker {
            name,
            process,
            late,
            ..
        } = mem::replace(&mut self.workers[at], new);
        // Before the wait, while the number is still this worker's: what it has left behind.
        killpg(process, Signal::SIGKILL)?;
        let ending = waitpid(process, None)?;
        // Its children are orphans now, and so have come to this process.
        while waitid(Id::PGid(process), WaitPidFlag::WEXITED).is_ok() {}
        Ok(match ending {
            _ if late => format!("{name} was killed at its deadline"),
            WaitStatus::Signaled(_, signal, _) => format!("{name} was killed by {signal}"),
            other => format!("{name} ended: {other:?}"),
        })
    }

    /// Waits until there is something to read, and says from which workers; at the latest until
    /// the next deadline.
    fn heard(&self) -> io::Result<Vec<usize>> {
        let busy = self.workers.iter().filter(|w| w.task.is_some() && !w.late);
        let next = busy.map(|worker| worker.deadline).min();
        let patience = next.map_or(PollTimeout::NONE, left_until);
        let sockets = self.workers.iter().map(|worker| worker.socket.as_fd());
        let sockets = sockets.map(|socket| PollFd::new(socket, PollFlags::POLLIN));
        let mut sockets: Vec<PollFd<'_>> = sockets.collect();
        poll(&mut sockets, patience)?;
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
