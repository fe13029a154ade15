//! Processes that are forked to do one thing, and report some numbers.

use std::io::{self, PipeReader, Read, Write};

use nix::errno::Errno;
use nix::libc;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

/// A forked child, which is killed where nobody waits for it.
pub struct Child<const NUMBERS: usize> {
    pid: Pid,
    report: PipeReader,
    waited: bool,
}

impl<const NUMBERS: usize> Child<NUMBERS> {
    /// Forks a child that does `work`, reports what it returns, and ends.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn fork(work: impl FnOnce() -> io::Result<[u64; NUMBERS]>) -> io::Result<Self> {
        let (report, mut reports) = io::pipe()?;
        // SAFETY: each program of this listing has one thread, so the child may do all that its
        // parent may (fork(2)).
        match unsafe { fork() }? {
            ForkResult::Parent { child: pid } => Ok(Self {
                pid,
                report,
                waited: false,
            }),
            ForkResult::Child => {
                let ended = set_pdeathsig(Signal::SIGKILL)
                    .map_err(io::Error::from)
                    .and_then(|()| work())
                    .and_then(|numbers| {
                        let bytes: Vec<u8> = numbers.iter().flat_map(|n| n.to_ne_bytes()).collect();
                        reports.write_all(&bytes)
                    });
                if let Err(error) = &ended {
                    eprintln!("error in a child: {error}");
                }
                // SAFETY: `_exit` has no preconditions. What the parent has registered for its
                // own end is the parent's to do (_exit(2)).
                unsafe { libc::_exit(i32::from(ended.is_err())) }
            }
        }
    }

    /// Its process id.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Waits for its end: what it has reported, or how it ended without.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn join(mut self) -> io::Result<Result<[u64; NUMBERS], WaitStatus>> {
        let status = self.wait()?;
        if status != WaitStatus::Exited(self.pid, 0) {
            return Ok(Err(status));
        }
        let mut numbers = [0; NUMBERS];
        for number in &mut numbers {
            let mut bytes = [0; size_of::<u64>()];
            self.report.read_exact(&mut bytes)?;
            *number = u64::from_ne_bytes(bytes);
        }
        Ok(Ok(numbers))
    }

    /// The same, where nothing but a report will do.
    ///
    /// # Errors
    ///
    /// Where it ended otherwise, and the system's.
    pub fn report(self) -> io::Result<[u64; NUMBERS]> {
        let ended =
            |status| io::Error::other(format!("a child ended without its work: {status:?}"));
        self.join()?.map_err(ended)
    }

    fn wait(&mut self) -> io::Result<WaitStatus> {
        loop {
            match waitpid(self.pid, None) {
                Err(Errno::EINTR) => {}
                ended => {
                    self.waited = true;
                    return Ok(ended?);
                }
            }
        }
    }
}

impl<const NUMBERS: usize> Drop for Child<NUMBERS> {
    fn drop(&mut self) {
        if !self.waited {
            let _ = kill(self.pid, Signal::SIGKILL);
            let _ = self.wait();
        }
    }
}
