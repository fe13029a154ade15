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

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, kill, signal, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, dup2_stdin, fork, getpid};
use serde::{Deserialize, Serialize};

use crate::argument::{Descriptor, Message};
use crate::channel::Channel;
use crate::worker;

/// The first argument of a fork server.
pub(crate) const SERVER_FLAG: &str = "--process-pool-fork-server";

/// What its lines are headed with, should what stands above the guard print any.
const SERVER_NAME: &str = "ForkServer";

// ANCHOR: orders
/// What a server is asked for.
#[derive(Serialize, Deserialize)]
enum Order {
    /// A worker of this name. It serves `socket`; `reports` is told its process id, and
    /// then how it ended.
    Fork {
        name: String,
        socket: Descriptor,
        reports: Descriptor,
    },
    /// The end of a worker that it has not reaped.
    Kill { pid: i32 },
}
// ANCHOR_END: orders

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

/// A worker that the server has forked and not yet reaped.
struct Forked {
    pid: Pid,
    reports: File,
}

impl Forked {
    fn report(&mut self, number: i32) {
        // Nobody reads it where the pool is gone.
        let _ = self.reports.write_all(&number.to_ne_bytes());
    }
}

/// Forks a worker for each order until nobody is left who could send one, then ends
/// this process, which has one thread from its first line to its last.
pub(crate) fn serve(orders: Channel) -> ! {
    if let Ok(nothing) = File::open("/dev/null") {
        let _ = dup2_stdin(nothing);
    }
    // Ctrl-C goes to the whole group: its parent decides what becomes of the workers.
    // SAFETY: neither installs a handler.
    let interrupt = unsafe { signal(Signal::SIGINT, SigHandler::SigIgn) };
    // Where the parent ignores SIGCHLD, this program began ignoring it (execve(2)), and
    // would never learn how a worker ended (wait(2)).
    // SAFETY: as above.
    let _ = unsafe { signal(Signal::SIGCHLD, SigHandler::SigDfl) };
    let child_ended = SigSet::from(Signal::SIGCHLD);
    let mut mask = SigSet::empty();
    let _ = sigprocmask(SigmaskHow::SIG_BLOCK, Some(&child_ended), Some(&mut mask));
    let Ok(endings) = SignalFd::with_flags(&child_ended, SfdFlags::SFD_CLOEXEC) else {
        exit(libc::EXIT_FAILURE);
    };

    let mut forked: Vec<Forked> = Vec::new();
    loop {
        let mut fds = [
            PollFd::new(orders.socket().as_fd(), PollFlags::POLLIN),
            PollFd::new(endings.as_fd(), PollFlags::POLLIN),
        ];
        if let Err(error) = poll(&mut fds, PollTimeout::NONE)
            && error != Errno::EINTR
        {
            exit(libc::EXIT_FAILURE);
        }
        let [ordered, ended] = fds.map(|fd| fd.any().unwrap_or(false));
        if ended {
            // One signal may stand for several children: all are looked at.
            let _ = endings.read_signal();
            forked.retain_mut(|worker| !reap(worker));
        }
        if !ordered {
            continue;
        }
        // The end of the stream, or nonsense: there is nobody to serve.
        let Ok(Some(message)) = orders.receive() else {
            exit(libc::EXIT_SUCCESS);
        };
        match message.decode() {
            Ok(Order::Kill { pid }) => {
                if forked.iter().any(|worker| worker.pid.as_raw() == pid) {
                    let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
                }
            }
            Ok(Order::Fork {
                name,
                socket,
                reports,
            }) => {
                let (Ok(socket), Ok(reports)) = (socket.into_owned(), reports.into_owned()) else {
                    // Without its ends the parent reads that the server is gone for it.
                    continue;
                };
                // ANCHOR: fork
                let mut worker = Forked {
                    pid: Pid::from_raw(0),
                    reports: File::from(reports),
                };
                let server = getpid();
                // SAFETY: this process has one thread, which is in none of the standard
                // library's locks, so the child may do whatever its parent may (fork(2)).
                match unsafe { fork() } {
                    Ok(ForkResult::Parent { child }) => {
                        worker.pid = child;
                        worker.report(child.as_raw());
                        forked.push(worker);
                    }
                    Ok(ForkResult::Child) => {
                        // A worker holds nothing of its server, nor of its siblings.
                        drop((orders, endings, forked, worker));
                        if let Ok(handler) = interrupt {
                            // SAFETY: what was there before; this program has set none.
                            let _ = unsafe { signal(Signal::SIGINT, handler) };
                        }
                        let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&mask), None);
                        mem_trace::set_name(name);
                        let channel = Channel::from_socket(socket);
                        worker::serve(channel, Some(server.as_raw()))
                    }
                    Err(errno) => worker.report(-(errno as i32)),
                }
                // ANCHOR_END: fork
            }
            Err(_) => exit(libc::EXIT_FAILURE),
        }
    }
}

/// Reaps a worker that has ended, and reports how.
fn reap(worker: &mut Forked) -> bool {
    let mut status = 0;
    // SAFETY: `status` is a place for the status; the raw one is what is reported.
    let reaped = unsafe { libc::waitpid(worker.pid.as_raw(), &mut status, libc::WNOHANG) };
    if reaped != worker.pid.as_raw() {
        return false;
    }
    worker.report(status);
    true
}

fn exit(code: i32) -> ! {
    // SAFETY: `_exit` has no preconditions. There is nothing to flush or to destroy.
    unsafe { libc::_exit(code) }
}
