//! How a worker process comes to be, and how it ends.

use std::fmt;
use std::io::{self, Write};
use std::process::{Command, Stdio};
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::unistd::{ForkResult, Pid, getpid, gettid};

use crate::child::worker;
use crate::error::{Ending, Error, Forker, Result};
use crate::fork::{AbortOnUnwind, fork};
use crate::parent::fork_server::ForkServer;
use crate::parent::process::Process;
use crate::pidfd::PidFd;
use crate::wire::channel::Channel;
use crate::wire::protocol::{Refusal, WORKER_FLAG};

/// How long a worker may take to end, after its socket, before it is killed.
const GRACE: Duration = Duration::from_secs(5);

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
    // What this process printed earlier appears before what its workers print.
    let _ = io::stdout().flush();
    // The parent's death can be watched from the worker only if it is the main
    // thread that starts it.
    let watched_parent = (gettid() == getpid()).then(getpid);

    let server = (method == StartMethod::ForkServer)
        .then(ForkServer::running)
        .transpose()
        .map_err(|source| Error::Start {
            worker: "the fork server".to_owned(),
            source,
        })?;
    let mut workers: Vec<WorkerProcess> = Vec::new();
    for number in 1..=count {
        let name = method.worker_name(number);
        let started = match &server {
            Some(server) => order_worker(&name, server),
            None if method == StartMethod::Fork => fork_worker(&name, &mut workers, watched_parent),
            None => spawn_worker(&name, watched_parent),
        };
        let (process, mut channel) = started.map_err(|failure| failure.into_error(&name))?;
        channel.watch(process.pidfd().clone());
        workers.push(WorkerProcess {
            name,
            channel,
            process,
            ended: false,
        });
    }
    Ok(workers)
}

/// Why one worker could not be started.
enum Failure {
    Refused(Refusal, Forker),
    System(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

impl Failure {
    fn into_error(self, worker: &str) -> Error {
        let source = match self {
            Self::Refused(Refusal::Threads(threads), forker) => {
                return Error::Threads { threads, forker };
            }
            Self::Refused(Refusal::ThreadsUnknown(errno), forker) => {
                let source =
                    errno.map_or(io::ErrorKind::Other.into(), io::Error::from_raw_os_error);
                return Error::ThreadsUnknown { forker, source };
            }
            Self::Refused(Refusal::System(errno), _) => io::Error::from_raw_os_error(errno),
            Self::System(source) => source,
        };
        Error::Start {
            worker: worker.to_owned(),
            source,
        }
    }
}

type StartedWorker = std::result::Result<(Process, Channel), Failure>;

fn order_worker(name: &str, server: &Arc<ForkServer>) -> StartedWorker {
    let (ours, theirs) = Channel::pair()?;
    let forked = server
        .fork(name, theirs)?
        .map_err(|refusal| Failure::Refused(refusal, Forker::Server))?;
    let process = Process::ForkedByServer {
        forked,
        _server: server.clone(),
    };
    Ok((process, ours))
}

fn fork_worker(
    name: &str,
    siblings: &mut Vec<WorkerProcess>,
    parent: Option<Pid>,
) -> StartedWorker {
    let (ours, theirs) = Channel::pair()?;
    match fork().map_err(|refusal| Failure::Refused(refusal, Forker::ThisProcess))? {
        ForkResult::Parent { child } => {
            drop(theirs);
            own_child(child, ours)
        }
        ForkResult::Child => {
            let _guard = AbortOnUnwind;
            // A copy of the parent's end, here or in a sibling, would keep this
            // socket open when the parent dies: its end would never arrive.
            drop(ours);
            siblings.drain(..).for_each(WorkerProcess::forget_in_child);
            mem_trace::set_name(name);
            worker::serve(theirs, parent.map(Pid::as_raw))
        }
    }
}

// ANCHOR: spawn
/// No `pre_exec`, and the channel as standard input: std can then use
/// posix_spawn(3), which does not copy the parent's page tables.
fn spawn_worker(name: &str, parent: Option<Pid>) -> StartedWorker {
    let (ours, theirs) = Channel::pair()?;
    // Not the path that the program was started by: that file may be another by
    // now, and a worker must be the same program as its parent.
    let child = Command::new("/proc/self/exe")
        .arg(WORKER_FLAG)
        .args(parent.map(|pid| pid.to_string()))
        .env(mem_trace::NAME_VARIABLE, name)
        .stdin(Stdio::from(theirs.into_socket()))
        .spawn()?;
    own_child(Pid::from_raw(child.id().cast_signed()), ours)
}
// ANCHOR_END: spawn

/// A child that nobody has waited for yet.
fn own_child(child: Pid, channel: Channel) -> StartedWorker {
    // A worker ends when it reads that nothing more will come.
    let pidfd = PidFd::open_or_stop(child, || channel.finish_sending())?;
    Ok((Process::Child(pidfd), channel))
}

impl WorkerProcess {
    /// Lets the worker finish, waits for it, and tells how it ended.
    pub fn end(mut self) -> Ending {
        self.end_and_reap()
    }

    /// Kills the worker because of what it did to the protocol.
    pub fn kill(mut self, why: String) -> Ending {
        self.process.pidfd().kill();
        self.end_and_reap();
        Ending::ProtocolViolation { why }
    }

    fn end_and_reap(&mut self) -> Ending {
        self.ended = true;
        self.channel.finish_sending();
        if !self.process.pidfd().has_ended(Some(Instant::now() + GRACE)) {
            self.process.pidfd().kill();
        }
        self.process.reap()
    }

    /// In a forked child: closes the copies of this sibling's descriptors, and leaves
    /// the process, which is the parent's, alone.
    fn forget_in_child(mut self) {
        self.ended = true;
    }
}

impl Drop for WorkerProcess {
    fn drop(&mut self) {
        if !self.ended {
            self.end_and_reap();
        }
    }
}
