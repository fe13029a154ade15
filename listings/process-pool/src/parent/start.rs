//! How a worker process comes to be, and how it ends.

use std::fmt;
use std::io;
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::unistd::{ForkResult, getpid};

use crate::child::worker;
use crate::error::{Ending, Error, Forker, Result};
use crate::fork::{AbortOnUnwind, fork};
use crate::parent::again::start_again;
use crate::parent::fork_server::ForkServer;
use crate::parent::limits::{self, Cgroup};
use crate::parent::process::Process;
use crate::pidfd::PidFd;
use crate::wire::channel::Channel;
use crate::wire::protocol::{Refusal, WORKER_FLAG};

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
    pub(super) fn worker_name(self, number: usize) -> String {
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
pub(super) struct WorkerProcess {
    pub name: String,
    pub channel: Channel,
    process: Process,
    ended: bool,
}

/// What it takes to start a worker of a pool, at its start and later.
#[derive(Debug)]
pub(super) struct Starter {
    method: StartMethod,
    pub initializer: Option<&'static str>,
    /// How long a call, the initializer or an answer of the fork server may take.
    pub deadline: Option<Duration>,
    /// Whether a lost worker is replaced.
    pub replaces: bool,
    /// The last number that a worker was given.
    numbers: AtomicUsize,
    cgroup: Option<Cgroup>,
}

impl Starter {
    pub fn new(
        method: StartMethod,
        workers: usize,
        initializer: Option<&'static str>,
        deadline: Option<Duration>,
        replaces: bool,
    ) -> Self {
        Self {
            method,
            initializer,
            deadline,
            replaces,
            numbers: AtomicUsize::new(workers),
            cgroup: Cgroup::now(),
        }
    }

    /// The number of the next worker that takes another one's place.
    pub fn next_number(&self) -> usize {
        self.numbers.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Forks the workers of a pool by [`StartMethod::Fork`], before it starts any thread.
    /// If one cannot be started, those before it are ended.
    pub fn fork(&self, count: usize) -> Result<Vec<WorkerProcess>> {
        let mut workers = Vec::new();
        for number in 1..=count {
            let name = self.method.worker_name(number);
            let (process, channel) =
                fork_worker(&name, &mut workers).map_err(|failure| failure.into_error(&name))?;
            workers.push(WorkerProcess::new(name, process, channel));
        }
        Ok(workers)
    }

    /// Starts a worker from the thread that will feed it, as one that is spawned ends with
    /// the thread that started it (prctl(2), `PR_SET_PDEATHSIG`).
    ///
    /// By now this process has threads and is not to be forked: a worker in the place of
    /// a forked one is forked by the fork server.
    pub fn start(&self, number: usize) -> Result<WorkerProcess> {
        let method = match self.method {
            StartMethod::Spawn => StartMethod::Spawn,
            StartMethod::Fork | StartMethod::ForkServer => StartMethod::ForkServer,
        };
        let name = method.worker_name(number);
        let started = match method {
            StartMethod::Spawn => spawn_worker(&name, self.deadline),
            _ => order_worker(&name, self.deadline),
        };
        let (process, channel) = started.map_err(|failure| failure.into_error(&name))?;
        Ok(WorkerProcess::new(name, process, channel))
    }

    /// An ending with what the cgroup knows of it.
    pub fn explain(&self, ending: Ending) -> Ending {
        let killed = ending.is_by(Signal::SIGKILL);
        let kills = self
            .cgroup
            .as_ref()
            .filter(|_| killed)
            .and_then(Cgroup::kills);
        kills.map_or(ending, |(kills, limit)| Ending::OutOfMemory {
            kills,
            limit,
        })
    }
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
                // The server's limits are those that it began with, this process's own.
                let limit = limits::reached(&source);
                return Error::ThreadsUnknown {
                    forker,
                    source,
                    limit,
                };
            }
            Self::Refused(Refusal::System(errno), _) => io::Error::from_raw_os_error(errno),
            Self::System(source) => source,
        };
        Error::not_started(worker.to_owned(), source)
    }
}

impl Error {
    /// The system refused something that the worker needs.
    pub(super) fn not_started(worker: String, source: io::Error) -> Self {
        let limit = limits::reached(&source);
        Self::Start {
            worker,
            source,
            limit,
        }
    }
}

type StartedWorker = std::result::Result<(Process, Channel), Failure>;

fn order_worker(name: &str, deadline: Option<Duration>) -> StartedWorker {
    let order = |server: &ForkServer| {
        let (ours, theirs) = Channel::pair()?;
        let forked = server.fork(name, theirs, deadline)?;
        Ok::<_, io::Error>((forked, ours))
    };
    let mut server = ForkServer::running(deadline)?;
    let (forked, ours) = match order(&server) {
        // One that is stopped is left alone, and another one asked.
        Err(error) if error.kind() == io::ErrorKind::TimedOut => {
            server = ForkServer::running(deadline)?;
            order(&server)
        }
        forked => forked,
    }?;
    let forked = forked.map_err(|refusal| Failure::Refused(refusal, Forker::Server))?;
    let process = Process::ForkedByServer {
        forked,
        _server: server,
    };
    Ok((process, ours))
}

fn fork_worker(name: &str, siblings: &mut Vec<WorkerProcess>) -> StartedWorker {
    let (ours, theirs) = Channel::pair()?;
    let parent = getpid();
    match fork().map_err(|refusal| Failure::Refused(refusal, Forker::ThisProcess))? {
        ForkResult::Parent { child } => {
            drop(theirs);
            // A worker ends when it reads that nothing more will come.
            let pidfd = PidFd::open_or_stop(child, || ours.finish_sending())?;
            Ok((Process::Child(pidfd), ours))
        }
        ForkResult::Child => {
            let _guard = AbortOnUnwind;
            // A copy of the parent's end, here or in a sibling, would keep this
            // socket open when the parent dies: its end would never arrive.
            drop(ours);
            siblings.drain(..).for_each(WorkerProcess::forget_in_child);
            mem_trace::set_name(name);
            worker::serve(theirs, parent)
        }
    }
}

fn spawn_worker(name: &str, deadline: Option<Duration>) -> StartedWorker {
    let parent = getpid().to_string();
    let (pidfd, channel) = start_again(WORKER_FLAG, name, &[parent], deadline)?;
    Ok((Process::Child(pidfd), channel))
}

impl WorkerProcess {
    fn new(name: String, process: Process, mut channel: Channel) -> Self {
        channel.watch(process.pidfd().clone());
        Self {
            name,
            channel,
            process,
            ended: false,
        }
    }

    /// One whose part a test plays at the other end of `channel`: `child` only lives.
    #[cfg(test)]
    pub fn played(child: std::process::Child, channel: Channel) -> io::Result<Self> {
        let pid = nix::unistd::Pid::from_raw(child.id().cast_signed());
        let process = Process::Child(PidFd::open(pid)?);
        Ok(Self::new("Played-1".to_owned(), process, channel))
    }

    /// A descriptor of its process.
    pub fn pidfd(&self) -> &PidFd {
        self.process.pidfd()
    }

    /// Lets the worker finish, waits for it, and tells how it ended.
    pub fn end(&mut self) -> Ending {
        self.ended = true;
        self.channel.finish_sending();
        self.pidfd().end_or_be_killed();
        self.process.reap()
    }

    /// Kills the worker and waits for it.
    pub fn kill(&mut self) {
        self.pidfd().kill();
        self.end();
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
            self.end();
        }
    }
}
