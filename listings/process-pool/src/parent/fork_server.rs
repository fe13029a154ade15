//! The third start method: a process that does nothing but fork.
//!
//! A fork copies the page tables of all private memory, and of all threads one. So let a process
//! fork that has little memory and one thread, whatever its parent has: this program,
//! started anew once, and kept.
//!
//! ```text
//! parent ── order: a worker's name, two sockets ──▶ server ── fork ──▶ worker
//!    ▲                                                │
//!    └── a descriptor of the worker, how it ended ────┘
//! ```
//!
//! The worker is the server's child, so the server reaps it, and reports. The parent
//! talks to the worker through the worker's own socket, as to any other.

use std::io;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use nix::unistd::Pid;

use crate::pidfd::PidFd;
use crate::wire::channel::Channel;
use crate::wire::message::Message;
use crate::wire::protocol::{Ended, Order, Refusal, SERVER_FLAG, Started};

/// The name on lines that the code above the guard prints in the server.
const SERVER_NAME: &str = "ForkServer";

/// A running fork server. When the last pool that uses it is gone, it ends.
#[derive(Debug)]
pub(crate) struct ForkServer {
    process: PidFd,
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
        let pid = Pid::from_raw(child.id().cast_signed());
        Ok(Self {
            process: PidFd::open_or_stop(pid, || ours.finish_sending())?,
            orders: Mutex::new(ours),
        })
    }

    /// Has a worker forked that serves `socket`.
    ///
    /// # Errors
    ///
    /// The outer one where the server does not answer, the inner one where it refuses.
    pub fn fork(&self, name: &str, socket: Channel) -> io::Result<Result<Forked, Refusal>> {
        let (ours, theirs) = Channel::pair()?;
        let order = Message::encode(&Order {
            name: name.to_owned(),
            socket: socket.into_socket().into(),
            reports: theirs.into_socket().into(),
        });
        self.lock().send(&order.map_err(io::Error::other)?)?;
        let Some(report) = ours.receive()? else {
            return Err(io::Error::other("the fork server is gone"));
        };
        let Started(started) = report.decode().map_err(io::Error::other)?;
        let process = match started {
            Ok(process) => PidFd::from_received(process.into_owned()?),
            Err(refusal) => return Ok(Err(refusal)),
        };
        Ok(Ok(Forked {
            process,
            reports: ours,
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Channel> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_gone(&self) -> bool {
        self.lock().is_hung_up()
    }
}

impl Drop for ForkServer {
    fn drop(&mut self) {
        self.lock().finish_sending();
        // It ends when it reads that nothing more will come.
        let _ = self.process.reap();
    }
}

/// A worker that the server has forked.
#[derive(Debug)]
pub(crate) struct Forked {
    pub process: PidFd,
    reports: Channel,
}

impl Forked {
    /// Waits for the server to report how the worker ended, a status as wait(2) gives it;
    /// `None` when the server has ended before it did.
    pub fn ending(&self) -> Option<i32> {
        let Ended { status } = self.reports.receive().ok()??.decode().ok()?;
        Some(status)
    }
}
