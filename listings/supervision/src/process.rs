//! A process by its descriptor.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;
use rustix::process::{PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// A process by its descriptor: the same process, whatever becomes of its number.
#[derive(Debug)]
pub struct Process {
    pid: Pid,
    pidfd: OwnedFd,
}

impl Process {
    /// Opens the process that has this number now (pidfd_open(2)). It is the one that is meant
    /// where that cannot have been waited for yet: where it is this process's own child, or is
    /// known to be alive.
    ///
    /// # Errors
    ///
    /// Where there is none, or no descriptor is left.
    pub fn open(pid: Pid) -> io::Result<Self> {
        let number = rustix::process::Pid::from_raw(pid.as_raw());
        let number = number.ok_or(io::ErrorKind::InvalidInput)?;
        let pidfd = pidfd_open(number, PidfdFlags::empty())?;
        Ok(Self { pid, pidfd })
    }

    /// Its number, or that of another process once this one has been waited for.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Sends SIGKILL to it, and to no other (pidfd_send_signal(2)).
    ///
    /// # Errors
    ///
    /// Where it is gone (ESRCH), or is another user's.
    pub fn kill(&self) -> io::Result<()> {
        Ok(pidfd_send_signal(&self.pidfd, Signal::KILL)?)
    }

    /// Whether it has ended, at the latest at `deadline`.
    ///
    /// # Errors
    ///
    /// What poll(2) says.
    pub fn ends_by(&self, deadline: Instant) -> io::Result<bool> {
        let mut pidfd = [PollFd::new(self.as_fd(), PollFlags::POLLIN)];
        Ok(poll(&mut pidfd, left_until(deadline))? > 0)
    }

    /// Waits for its end, and takes its status. It has to be a child of this process.
    ///
    /// # Errors
    ///
    /// What waitid(2) says.
    pub fn wait(&self) -> io::Result<WaitStatus> {
        let id = Id::PIDFd(self.pidfd.as_fd());
        Ok(waitid(id, WaitPidFlag::WEXITED)?)
    }
}

impl AsFd for Process {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

/// The time up to `deadline`, for poll(2): whole milliseconds, and never too few.
pub fn left_until(deadline: Instant) -> PollTimeout {
    let left = deadline.saturating_duration_since(Instant::now());
    let left = left + Duration::from_millis(1);
    // More than 24 days are waited for in pieces.
    PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
}

/// How a process ended, in words.
pub fn told(status: WaitStatus) -> String {
    match status {
        WaitStatus::Exited(_, code) => format!("exited, status {code}"),
        WaitStatus::Signaled(_, signal, _) => format!("killed by {signal}"),
        other => format!("{other:?}"),
    }
}
