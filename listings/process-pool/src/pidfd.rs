//! A process by descriptor: it is the same process whatever becomes of its number.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::Pid;

/// How long a process may take to end when nothing more will come, before it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// A descriptor of a process (pidfd_open(2)), close-on-exec. It is readable when the
/// process has ended.
#[derive(Debug, Clone)]
pub(crate) struct PidFd(Arc<OwnedFd>);

impl PidFd {
    /// Opens a child of this process that has not been reaped: any other number may be
    /// another process's by now.
    pub fn open(child: Pid) -> io::Result<Self> {
        // SAFETY: the call takes two integers and no memory.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, child.as_raw(), 0) };
        let fd = Errno::result(fd)? as i32;
        // SAFETY: the kernel made this descriptor in the call above; nobody else has it.
        Ok(Self(Arc::new(unsafe { OwnedFd::from_raw_fd(fd) })))
    }

    /// The same, of a child that ends when `stop` has been called. Where it cannot be
    /// opened, it is stopped and reaped, and so not left behind.
    pub fn open_or_stop(child: Pid, stop: impl FnOnce()) -> io::Result<Self> {
        Self::open(child).inspect_err(|_| {
            stop();
            let _ = waitpid(child, None);
        })
    }

    /// A descriptor that another process opened and sent.
    pub fn from_received(fd: OwnedFd) -> Self {
        Self(Arc::new(fd))
    }

    /// The descriptor itself, or a duplicate while other clones of this value exist.
    ///
    /// # Errors
    ///
    /// What dup(2) says.
    pub fn into_owned(self) -> io::Result<OwnedFd> {
        Arc::try_unwrap(self.0).or_else(|shared| shared.try_clone())
    }

    /// Sends SIGKILL (pidfd_send_signal(2)); to a process that has ended, nothing.
    pub fn kill(&self) {
        let no_info = std::ptr::null::<libc::siginfo_t>();
        // SAFETY: the descriptor is open, and without information about the signal
        // the kernel fills in what kill(2) would.
        unsafe {
            libc::syscall(
                libc::SYS_pidfd_send_signal,
                self.0.as_raw_fd(),
                Signal::SIGKILL as i32,
                no_info,
                0,
            )
        };
    }

    /// Whether the process has ended, at the latest at `deadline`.
    pub fn has_ended(&self, deadline: Option<Instant>) -> bool {
        let mut fds = [PollFd::new(self.as_fd(), PollFlags::POLLIN)];
        poll_until(&mut fds, deadline).is_ok_and(|ready| ready > 0)
    }

    /// Waits for a process that has been told to end, and kills it where it does not.
    pub fn end_or_be_killed(&self) {
        if !self.has_ended(Some(Instant::now() + GRACE)) {
            self.kill();
        }
    }

    /// Waits for a child of this process to end, and reaps it (waitid(2), `P_PIDFD`);
    /// `None` where it has been reaped already.
    pub fn reap(&self) -> Option<WaitStatus> {
        loop {
            match waitid(Id::PIDFd(self.as_fd()), WaitPidFlag::WEXITED) {
                Err(Errno::EINTR) => {}
                status => return status.ok(),
            }
        }
    }
}

impl AsFd for PidFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// poll(2) up to a moment, without one for as long as it takes; the number of
/// descriptors that are ready. A signal does not end it.
pub(crate) fn poll_until(fds: &mut [PollFd<'_>], deadline: Option<Instant>) -> io::Result<i32> {
    loop {
        let timeout = match deadline {
            None => PollTimeout::NONE,
            Some(deadline) => {
                let left = deadline.saturating_duration_since(Instant::now());
                PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
            }
        };
        match poll(fds, timeout) {
            Err(Errno::EINTR) => {}
            ready => return Ok(ready?),
        }
    }
}
