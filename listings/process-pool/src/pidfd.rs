//! A process by descriptor: it is the same process whatever becomes of its number.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll, ppoll};
use nix::sys::signal::Signal;
use nix::sys::time::TimeSpec;
use nix::sys::wait::waitpid;
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
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Self(Arc::new(above_standard(fd)?)))
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

    /// Whether the process has ended.
    pub fn has_ended(&self) -> bool {
        let mut fds = [PollFd::new(self.as_fd(), PollFlags::POLLIN)];
        poll_now(&mut fds).is_ok_and(|ready| ready > 0)
    }

    /// Waits until the process has ended, at the latest until `deadline`; whether it has.
    pub fn ends_by(&self, deadline: Option<Instant>) -> bool {
        let mut fds = [PollFd::new(self.as_fd(), PollFlags::POLLIN)];
        poll_until(&mut fds, deadline).is_ok_and(|ready| ready > 0)
    }

    /// Waits for a process that has been told to end, and kills it where it does not.
    pub fn end_or_be_killed(&self) {
        if !self.ends_by(Some(Instant::now() + GRACE)) {
            self.kill();
        }
    }

    /// Waits for a child of this process to end, and reaps it (waitid(2), `P_PIDFD`): its
    /// status as wait(2) gives it, or `None` where it has been reaped already.
    pub fn reap(&self) -> Option<i32> {
        let id = self.0.as_raw_fd().cast_unsigned();
        let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
        // nix's `waitid` reaps the child and fails where a signal without a name, a
        // real-time one, has ended it.
        // SAFETY: `info` is a place for what is learned of the child.
        while let Err(error) = Errno::result(unsafe {
            libc::waitid(libc::P_PIDFD, id, info.as_mut_ptr(), libc::WEXITED)
        }) {
            if error != Errno::EINTR {
                // ECHILD: of an open pidfd waitid(2) has no other.
                return None;
            }
        }
        // SAFETY: zeros are a value of it, and waitid(2) has filled in that of a SIGCHLD.
        let (how, status) = unsafe {
            let info = info.assume_init();
            (info.si_code, info.si_status())
        };
        Some(match how {
            libc::CLD_EXITED => libc::W_EXITCODE(status, 0),
            // CLD_KILLED, or CLD_DUMPED: nothing else has ended.
            _ => libc::W_EXITCODE(0, status),
        })
    }
}

impl AsFd for PidFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The same, with another number where it has 0, 1 or 2. A program that has closed its
/// standard output must not find one of the pool's descriptors in its place: it would
/// print into it.
pub(crate) fn above_standard(fd: OwnedFd) -> io::Result<OwnedFd> {
    if fd.as_raw_fd() > libc::STDERR_FILENO {
        return Ok(fd);
    }
    let above = fcntl(&fd, FcntlArg::F_DUPFD_CLOEXEC(libc::STDERR_FILENO + 1))?;
    // SAFETY: the kernel made this descriptor in the call above; nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(above) })
}

/// ppoll(2) up to a moment, without one for as long as it takes; the number of
/// descriptors that are ready. A signal does not end it.
pub(crate) fn poll_until(fds: &mut [PollFd<'_>], deadline: Option<Instant>) -> io::Result<i32> {
    loop {
        // poll(2) itself counts in milliseconds: less than one would be no wait at all.
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        match ppoll(fds, left.map(TimeSpec::from), None) {
            Err(Errno::EINTR) => {}
            ready => return Ok(ready?),
        }
    }
}

/// poll(2) of this moment.
pub(crate) fn poll_now(fds: &mut [PollFd<'_>]) -> io::Result<i32> {
    Ok(poll(fds, PollTimeout::ZERO)?)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// Whether a shell that runs this exits, and its code, or else the signal.
    fn status_of(script: &str) -> (bool, i32) {
        let mut shell = Command::new("sh");
        let mut child = shell.args(["-c", script]).spawn().expect("spawn");
        let pid = Pid::from_raw(child.id().cast_signed());
        let pidfd = PidFd::open(pid).expect("pidfd");
        let status = pidfd.reap().expect("a child of this process");
        assert_eq!(pidfd.reap(), None);
        child.wait().expect_err("it is reaped");
        if libc::WIFEXITED(status) {
            (true, libc::WEXITSTATUS(status))
        } else {
            (false, libc::WTERMSIG(status))
        }
    }

    #[test]
    fn a_child_is_reaped_whatever_ended_it() {
        assert_eq!(status_of("exit 0"), (true, 0));
        assert_eq!(status_of("exit 255"), (true, 255));
        assert_eq!(status_of("kill -9 $$"), (false, 9));
        assert_eq!(status_of("kill -11 $$"), (false, 11));
        assert_eq!(status_of("kill -40 $$"), (false, 40));
    }
}
