//! A worker's process, as the parent of its pool sees it: killed, and waited for.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::error::Ending;
use crate::parent::fork_server::{ForkServer, Reports};

/// Whose child it is decides who may reap it.
#[derive(Debug)]
pub(crate) enum Process {
    /// This process's own.
    Child(Pid),
    /// The fork server's, which reports how it ended.
    ForkedByServer {
        pid: Pid,
        server: Arc<ForkServer>,
        reports: Reports,
    },
}

impl Process {
    /// Kills it, if it has not been reaped: its number may be another process's then,
    /// so only who reaps it sends the signal.
    pub fn kill(&self) {
        match self {
            // A signal to a child that has not been reaped reaches it or its zombie.
            Self::Child(pid) => {
                let _ = kill(*pid, Signal::SIGKILL);
            }
            Self::ForkedByServer { pid, server, .. } => server.kill(*pid),
        }
    }

    /// Waits until it has ended, at most until `deadline`, reaps it, and tells how.
    pub fn wait(&mut self, deadline: Option<Instant>) -> Option<Ending> {
        match self {
            Self::Child(pid) => wait_for_child(*pid, deadline),
            Self::ForkedByServer { reports, .. } => {
                if !is_readable(reports.as_fd(), deadline) {
                    return None;
                }
                // A server that is gone reports nothing any more.
                let status = reports.ending().ok().flatten();
                Some(status.map_or(Ending::Unknown, Ending::of))
            }
        }
    }
}

impl Ending {
    fn of(status: WaitStatus) -> Ending {
        match status {
            WaitStatus::Exited(_, code) => Ending::Exited { code },
            WaitStatus::Signaled(_, signal, _) => Ending::Killed { signal },
            _ => Ending::Unknown,
        }
    }
}

fn wait_for_child(pid: Pid, deadline: Option<Instant>) -> Option<Ending> {
    let flags = deadline.map(|_| WaitPidFlag::WNOHANG);
    loop {
        match waitpid(pid, flags) {
            Ok(WaitStatus::StillAlive) => {
                if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                    return None;
                }
                thread::sleep(Duration::from_micros(200));
            }
            Err(Errno::EINTR) => {}
            Ok(status) => return Some(Ending::of(status)),
            Err(_) => return Some(Ending::Unknown),
        }
    }
}

/// Whether there is something to read, or the end, before `deadline`.
fn is_readable(fd: impl AsFd, deadline: Option<Instant>) -> bool {
    loop {
        let timeout = match deadline {
            None => PollTimeout::NONE,
            Some(deadline) => {
                let left = deadline.saturating_duration_since(Instant::now());
                PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
            }
        };
        match poll(&mut [PollFd::new(fd.as_fd(), PollFlags::POLLIN)], timeout) {
            Err(Errno::EINTR) => {}
            Ok(0) => return false,
            Ok(_) | Err(_) => return true,
        }
    }
}
