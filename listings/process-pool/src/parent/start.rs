//! How a worker process comes to be, and how it ends.

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::mem::ManuallyDrop;
use std::os::fd::AsFd;
use std::process::{Command, Stdio};
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::{ForkResult, Pid, fork, getpid, gettid};

use crate::child::worker;
use crate::error::{Ending, Error, Result};
use crate::parent::fork_server::ForkServer;
use crate::parent::process::Process;
use crate::wire::channel::Channel;
use crate::wire::protocol::WORKER_FLAG;

/// How long a worker that was told to end may take before it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// How long the system may still list a thread that has already been joined.
const THREAD_LINGERS: Duration = Duration::from_millis(50);

/// How workers come to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartMethod {
    /// A copy of this process (fork(2)): it has all of its parent's memory, each
    /// page shared until one of them writes to it.
    Fork,
    /// This program started anew (posix_spawn(3)): it has nothing of its parent's
    /// memory.
    Spawn,
    /// A copy of a server: this program started anew once, which then does nothing but
    /// fork. A worker has the server's memory and nothing of its parent's.
    ForkServer,
}

impl StartMethod {
    /// Each of them, in the order in which the book meets them.
    pub const ALL: [Self; 3] = [Self::Fork, Self::Spawn, Self::ForkServer];

    /// The first part of its workers' names.
    fn worker_name(self, number: usize) -> String {
        match self {
            Self::Fork => format!("ForkProcess-{number}"),
            Self::Spawn => format!("SpawnProcess-{number}"),
            Self::ForkServer => format!("ForkServerProcess-{number}"),
        }
    }
}

impl fmt::Display for StartMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fork => "fork",
            Self::Spawn => "spawn",
            Self::ForkServer => "fork-server",
        })
    }
}

impl FromStr for StartMethod {
    type Err = String;

    fn from_str(word: &str) -> std::result::Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|method| method.to_string() == word)
            .ok_or_else(|| format!("`{word}` is not a start method: fork, spawn, fork-server"))
    }
}

/// A worker as its parent sees it. Dropping it ends the process and reaps it.
#[derive(Debug)]
pub(crate) struct WorkerProcess {
    pub name: String,
    pub channel: Channel,
    process: Process,
    ended: bool,
}

/// Starts `count` workers. If one cannot be started, those before it are ended.
pub(crate) fn start_workers(method: StartMethod, count: usize) -> Result<Vec<WorkerProcess>> {
    if method == StartMethod::Fork {
        refuse_threads()?;
    }
    // What a buffer holds at the fork would be printed by each process anew.
    let _ = io::stdout().flush();
    // The parent's death can be watched from the worker only if it is the main
    // thread that starts it.
    let watched_parent = (gettid() == getpid()).then(getpid);

    let server = match method {
        StartMethod::ForkServer => {
            let server = ForkServer::running();
            Some(server.map_err(|source| Error::Start {
                worker: "the fork server".to_owned(),
                source,
            })?)
        }
        StartMethod::Fork | StartMethod::Spawn => None,
    };
    let mut workers: Vec<WorkerProcess> = Vec::new();
    for number in 1..=count {
        let name = method.worker_name(number);
        let started = Channel::pair().and_then(|(ours, theirs)| {
            let process = match &server {
                Some(server) => {
                    let (pid, reports) = server.fork(&name, theirs)?;
                    let server = server.clone();
                    Process::ForkedByServer {
                        pid,
                        server,
                        reports,
                    }
                }
                None if method == StartMethod::Fork => {
                    let siblings = &mut workers;
                    Process::Child(fork_worker(&name, siblings, &ours, theirs, watched_parent)?)
                }
                None => Process::Child(spawn_worker(&name, theirs, watched_parent)?),
            };
            Ok((process, ours))
        });
        let (process, channel) = started.map_err(|source| Error::Start {
            worker: name.clone(),
            source,
        })?;
        workers.push(WorkerProcess {
            name,
            channel,
            process,
            ended: false,
        });
    }
    Ok(workers)
}

fn fork_worker(
    name: &str,
    siblings: &mut Vec<WorkerProcess>,
    ours: &Channel,
    theirs: Channel,
    parent: Option<Pid>,
) -> io::Result<Pid> {
    // SAFETY: `refuse_threads` found this thread to be the only one, so no lock
    // is held by a thread that the child would not have, and the child may do
    // whatever its parent may (fork(2)).
    match unsafe { fork() }? {
        ForkResult::Parent { child } => Ok(child),
        ForkResult::Child => {
            // A copy of the parent's end, here or in a sibling, would keep this
            // socket open when the parent dies: its end would never arrive.
            close_in_child(ours);
            siblings.drain(..).for_each(WorkerProcess::forget_in_child);
            mem_trace::set_name(name);
            worker::serve(theirs, parent.map(Pid::as_raw))
        }
    }
}

/// Closes the copy of the parent's end that this child got. The parent's own
/// `Channel` value lives on its stack, which the child never returns to.
fn close_in_child(ours: &Channel) {
    use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
    // SAFETY: this is the forked child, which never returns to the frame that
    // owns `ours`; nobody else in this process uses or closes the descriptor.
    drop(unsafe { OwnedFd::from_raw_fd(ours.socket().as_raw_fd()) });
}

// ANCHOR: spawn
/// No `pre_exec`, and the channel as standard input: std can then use
/// posix_spawn(3), which does not copy the parent's page tables.
fn spawn_worker(name: &str, theirs: Channel, parent: Option<Pid>) -> io::Result<Pid> {
    // Not the path that the program was started by: that file may be another by
    // now, and a worker must be the same program as its parent.
    let child = Command::new("/proc/self/exe")
        .arg(WORKER_FLAG)
        .args(parent.map(|pid| pid.to_string()))
        .env(mem_trace::NAME_VARIABLE, name)
        .stdin(Stdio::from(theirs.into_socket()))
        .spawn()?;
    Ok(Pid::from_raw(child.id().cast_signed()))
}
// ANCHOR_END: spawn

// ANCHOR: threads
/// Fork copies the calling thread alone, but the memory of all.
fn refuse_threads() -> Result<()> {
    let deadline = Instant::now() + THREAD_LINGERS;
    loop {
        let threads = fs::read_dir("/proc/self/task")
            .map_err(Error::ThreadsUnknown)?
            .count();
        if threads <= 1 {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(Error::Threads { threads });
        }
        thread::sleep(Duration::from_millis(1));
    }
}
// ANCHOR_END: threads

impl WorkerProcess {
    /// Lets the worker finish, waits for it, and tells how it ended.
    pub fn end(mut self) -> Ending {
        self.end_and_reap()
    }

    /// Kills the worker because of what it did to the protocol.
    pub fn kill(mut self, why: String) -> Ending {
        self.process.kill();
        self.end_and_reap();
        Ending::ProtocolViolation { why }
    }

    fn end_and_reap(&mut self) -> Ending {
        self.ended = true;
        self.channel.finish_sending();
        let deadline = Instant::now() + GRACE;
        // A worker's exit closes its socket; but so can its task, and go on.
        self.wait_for_hang_up(deadline);
        self.process.wait(Some(deadline)).unwrap_or_else(|| {
            self.process.kill();
            self.process.wait(None).unwrap_or(Ending::Unknown)
        })
    }

    /// Waits until nobody has the worker's end of the socket any more.
    fn wait_for_hang_up(&self, deadline: Instant) {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
            // Without requested events poll(2) reports the hang-up alone.
            let mut fds = [PollFd::new(
                self.channel.socket().as_fd(),
                PollFlags::empty(),
            )];
            match poll(&mut fds, timeout) {
                Err(Errno::EINTR) => {}
                Ok(_) | Err(_) => return,
            }
        }
    }

    /// In a forked child: closes the copy of this sibling's socket, and leaves the
    /// process, which is the parent's, alone.
    fn forget_in_child(self) {
        close_in_child(&ManuallyDrop::new(self).channel);
    }
}

impl Drop for WorkerProcess {
    fn drop(&mut self) {
        if !self.ended {
            self.end_and_reap();
        }
    }
}
