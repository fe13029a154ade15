//! A forked worker that takes turns with its parent.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;

use nix::libc;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

/// A forked process, and the parent's end of the socket between the two.
pub struct Worker {
    pid: Pid,
    turns: Turns,
}

/// One end of a socket by which two processes take turns. When the other process is
/// gone, each call is an error.
pub struct Turns(UnixStream);

impl Worker {
    /// Forks worker number `number`, which runs `work` and ends.
    pub fn fork(
        number: usize,
        work: impl FnOnce(&mut Turns) -> io::Result<()>,
    ) -> io::Result<Worker> {
        let (here, there) = UnixStream::pair()?;
        // SAFETY: each program of this listing has one thread, so the child may do all
        // that it may.
        match unsafe { fork() }? {
            ForkResult::Child => {
                drop(here);
                mem_trace::set_name(format!("ForkProcess-{number}"));
                let done = work(&mut Turns(there)).and_then(|()| mem_trace::check_output());
                if let Err(error) = &done {
                    eprintln!("error: worker {number}: {error}");
                }
                // SAFETY: `_exit` has no preconditions. It leaves the exit handlers to the
                // parent, which registered them (_exit(2)); `println!` and `trace!` have
                // written each line by now.
                unsafe { libc::_exit(i32::from(done.is_err())) }
            }
            ForkResult::Parent { child } => Ok(Worker {
                pid: child,
                turns: Turns(here),
            }),
        }
    }

    /// The turns with this worker.
    pub fn turns(&mut self) -> &mut Turns {
        &mut self.turns
    }

    /// Waits until the worker has ended.
    pub fn join(self) -> io::Result<()> {
        match waitpid(self.pid, None)? {
            WaitStatus::Exited(_, 0) => Ok(()),
            status => Err(io::Error::other(format!("a worker ended: {status:?}"))),
        }
    }
}

impl Turns {
    /// Lets the other process go on, and tells it a number.
    pub fn give(&mut self, number: u64) -> io::Result<()> {
        self.0.write_all(&number.to_ne_bytes())
    }

    /// Waits until the other process lets this one go on: the number that it tells.
    pub fn take(&mut self) -> io::Result<u64> {
        let mut number = [0; 8];
        self.0.read_exact(&mut number)?;
        Ok(u64::from_ne_bytes(number))
    }

    /// Lets the other process go on, and waits for its turn to end.
    pub fn swap(&mut self) -> io::Result<()> {
        self.give(0)?;
        self.take().map(drop)
    }
}
