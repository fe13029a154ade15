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
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use crate::parent::again::start_again;
use crate::pidfd::PidFd;
use crate::wire::channel::Channel;
use crate::wire::message::Message;
use crate::wire::protocol::{Ended, Order, Refusal, SERVER_FLAG, Started};

/// The name on lines that the code above the guard prints in the server.
const SERVER_NAME: &str = "ForkServer";

/// How long a server that is in its loop may take to answer: it forks a process of one
/// thread, or has reaped one that has ended.
const ANSWER: Duration = Duration::from_secs(5);

/// A running fork server. When the last pool that uses it is gone, it ends.
#[derive(Debug)]
pub(crate) struct ForkServer {
    process: PidFd,
    /// Orders are sent whole, one after another.
    orders: Mutex<Channel>,
    /// Whether it has come to its loop: before that it may take as long as the code above
    /// the guard does.
    has_answered: AtomicBool,
    /// Whether it has left an order unanswered for too long.
    given_up: AtomicBool,
}

/// The server of this process, while a pool uses it.
static RUNNING: Mutex<Weak<ForkServer>> = Mutex::new(Weak::new());

impl ForkServer {
    /// The server that runs already, or a new one, which may take until `deadline` to execute
    /// its program.
    pub fn running(deadline: Option<Duration>) -> io::Result<Arc<Self>> {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = running.upgrade()
            && !server.is_gone()
        {
            return Ok(server);
        }
        let server = Arc::new(Self::start(deadline)?);
        *running = Arc::downgrade(&server);
        Ok(server)
    }

    fn start(deadline: Option<Duration>) -> io::Result<Self> {
        let (process, orders) = start_again(SERVER_FLAG, SERVER_NAME, &[], deadline)?;
        Ok(Self {
            process,
            orders: Mutex::new(orders),
            has_answered: AtomicBool::new(false),
            given_up: AtomicBool::new(false),
        })
    }

    /// Has a worker forked that serves `socket`. The server's answer may take until
    /// `deadline`, and once it has answered never longer than [`ANSWER`].
    ///
    /// # Errors
    ///
    /// The outer one where the server does not answer, the inner one where it refuses.
    pub fn fork(
        &self,
        name: &str,
        socket: Channel,
        deadline: Option<Duration>,
    ) -> io::Result<Result<Forked, Refusal>> {
        let answer = self.has_answered.load(Ordering::Relaxed).then_some(ANSWER);
        let deadline = deadline.into_iter().chain(answer).min();
        let until = deadline.map(|deadline| Instant::now() + deadline);
        let (mut ours, theirs) = Channel::pair()?;
        ours.set_deadline(until);
        let order = Message::encode(&Order {
            name: name.to_owned(),
            socket: socket.into_socket().into(),
            reports: theirs.into_socket().into(),
        });
        let order = order.map_err(io::Error::other)?;
        let report = {
            let mut orders = self.lock();
            orders.set_deadline(until);
            orders.send(&order)
        }
        .and_then(|()| ours.receive());
        let report = report.map_err(|error| match (error.kind(), deadline) {
            (io::ErrorKind::TimedOut, Some(deadline)) => {
                self.given_up.store(true, Ordering::Relaxed);
                io::Error::new(
                    error.kind(),
                    format!(
                        "expected the fork server to answer within {} s",
                        deadline.as_secs_f64()
                    ),
                )
            }
            _ => error,
        })?;
        let Some(report) = report else {
            return Err(io::Error::other("the fork server is gone"));
        };
        self.has_answered.store(true, Ordering::Relaxed);
        let Started(started) = report.decode().map_err(io::Error::other)?;
        let process = match started {
            Ok(process) => PidFd::from_received(process.into_owned()?),
            Err(refusal) => return Ok(Err(refusal)),
        };
        Ok(Ok(Forked {
            process,
            reports: Mutex::new(ours),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Channel> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it has ended, or has left an order unanswered, as one that is stopped does.
    fn is_gone(&self) -> bool {
        self.given_up.load(Ordering::Relaxed) || self.lock().is_hung_up()
    }
}

impl Drop for ForkServer {
    fn drop(&mut self) {
        self.lock().finish_sending();
        // It ends when it reads that nothing more will come, unless it is stopped.
        self.process.end_or_be_killed();
        let _ = self.process.reap();
    }
}

/// A worker that the server has forked.
#[derive(Debug)]
pub(crate) struct Forked {
    pub process: PidFd,
    reports: Mutex<Channel>,
}

impl Forked {
    /// Waits for the server to report how the worker ended, a status as wait(2) gives it;
    /// `None` when the server has ended before it did, or does not within [`ANSWER`].
    pub fn ending(&self) -> Option<i32> {
        let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        reports.set_deadline(Some(Instant::now() + ANSWER));
        let Ended { status } = reports.receive().ok()??.decode().ok()?;
        Some(status)
    }
}
