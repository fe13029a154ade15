//! The third start method: a process that does nothing but fork.
//!
//! A fork copies the page tables of all memory, and of all threads one. So let a process
//! fork that has little memory and one thread, whatever its parent has: this program,
//! started anew once, and kept.
//!
//! ```text
//! parent ── order: a worker's name, its socket, a pipe ──▶ server ── fork ──▶ worker
//!    ▲                                                       │
//!    └────── pipe: the worker's process id, how it ended ────┘
//! ```
//!
//! The worker is the server's child, so the server reaps it, and reports. The parent
//! talks to the worker through the worker's own socket, as to any other.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::wire::channel::Channel;
use crate::wire::message::Message;
use crate::wire::protocol::{Order, SERVER_FLAG};

/// What its lines are headed with, should what stands above the guard print any.
const SERVER_NAME: &str = "ForkServer";

/// A running fork server. When the last pool that uses it is gone, it ends.
#[derive(Debug)]
pub(crate) struct ForkServer {
    pid: Pid,
    /// Orders are sent whole, one after another.
    orders: Mutex<Channel>,
}

/// The server of this process, while a pool uses it.
static RUNNING: Mutex<Weak<ForkServer>> = Mutex::new(Weak::new());

impl ForkServer {
    /// The server that runs already, or a new one.
    pub fn running() -> io::Result<Arc<Self>> {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = running.upgrade()
            && !server.is_gone()
        {
            return Ok(server);
        }
        let server = Arc::new(Self::start()?);
        *running = Arc::downgrade(&server);
        Ok(server)
    }

    fn start() -> io::Result<Self> {
        let (ours, theirs) = Channel::pair()?;
        let child = Command::new("/proc/self/exe")
            .arg(SERVER_FLAG)
            .env(mem_trace::NAME_VARIABLE, SERVER_NAME)
            .stdin(Stdio::from(theirs.into_socket()))
            .spawn()?;
        Ok(Self {
            pid: Pid::from_raw(child.id().cast_signed()),
            orders: Mutex::new(ours),
        })
    }

    /// Has a worker forked that serves `socket`; its process id, and where its end will
    /// be reported.
    pub fn fork(&self, name: &str, socket: Channel) -> io::Result<(Pid, Reports)> {
        let (reports, report) = io::pipe()?;
        self.send(&Order::Fork {
            name: name.to_owned(),
            socket: socket.into_socket().into(),
            reports: OwnedFd::from(report).into(),
        })?;
        let mut reports = Reports(reports);
        match reports.number()? {
            Some(pid) if pid > 0 => Ok((Pid::from_raw(pid), reports)),
            Some(errno) => Err(Errno::from_raw(-errno).into()),
            None => Err(io::Error::other("the fork server is gone")),
        }
    }

    pub fn kill(&self, pid: Pid) {
        // Where the server is gone, so are its workers.
        let _ = self.send(&Order::Kill { pid: pid.as_raw() });
    }

    fn send(&self, order: &Order) -> io::Result<()> {
        let message = Message::encode(order).map_err(io::Error::other)?;
        self.lock().send(&message)
    }

    fn lock(&self) -> MutexGuard<'_, Channel> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_gone(&self) -> bool {
        let orders = self.lock();
        // Without requested events poll(2) reports the hang-up alone.
        let mut fds = [PollFd::new(orders.socket().as_fd(), PollFlags::empty())];
        poll(&mut fds, PollTimeout::ZERO) != Ok(0)
    }
}

impl Drop for ForkServer {
    fn drop(&mut self) {
        self.lock().finish_sending();
        // It ends when it reads that nothing more will come.
        while waitpid(self.pid, None) == Err(Errno::EINTR) {}
    }
}

/// What the server tells of one worker.
#[derive(Debug)]
pub(crate) struct Reports(io::PipeReader);

impl Reports {
    /// How the worker ended; `None` when the server ended without a word.
    pub fn ending(&mut self) -> io::Result<Option<WaitStatus>> {
        let Some(status) = self.number()? else {
            return Ok(None);
        };
        // Whose status it is matters to nobody: the pipe is one worker's.
        Ok(Some(WaitStatus::from_raw(Pid::from_raw(1), status)?))
    }

    fn number(&mut self) -> io::Result<Option<i32>> {
        let mut bytes = [0; 4];
        match self.0.read_exact(&mut bytes) {
            Ok(()) => Ok(Some(i32::from_ne_bytes(bytes))),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl AsFd for Reports {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
