//! Everything that can go wrong, each way with a name of its own.

use std::fmt;
use std::io;
use std::time::Duration;

use nix::libc;
use nix::sys::signal::Signal;

/// What the pool's operations return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a pool could not start, or a call has no result.
///
/// Calls are numbered from 1 in the order in which they were submitted to their pool.
/// The messages name a call by its argument, the batch.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The pool was asked to start before the tasks were registered. A spawned worker
    /// would reach the same line and start a pool of its own, and so would its
    /// workers, without end.
    #[error("expected `Tasks::serve_if_worker` at the top of main, before a pool starts")]
    NotRegisteredYet,
    /// The task was not named at the top of `main`.
    #[error("task `{task}` is not registered: add it to the `Tasks` at the top of main")]
    NotRegistered {
        /// The function's full name.
        task: &'static str,
    },
    /// A pool without workers was asked for.
    #[error("a pool needs at least 1 worker; 0 were asked for")]
    NoWorkers,
    /// Fork copies one thread, but the locks of all.
    #[error(
        "refused to fork: {forker} has {threads} threads, and a lock that another thread \
         holds now would stay locked in the child; {}, or spawn", forker.advice()
    )]
    Threads {
        /// How many there are.
        threads: usize,
        /// Which process has them.
        forker: Forker,
    },
    /// Whether the process that is to fork has other threads cannot be found out.
    #[error(
        "refused to fork: cannot count the threads of {forker}: {source}{}", in_brackets(.limit)
    )]
    ThreadsUnknown {
        /// Which process it is.
        forker: Forker,
        /// What the system said.
        source: io::Error,
        /// The limit that was reached, where one is known.
        limit: Option<String>,
    },
    /// The system refused a new worker. Those already started have been ended.
    #[error("cannot start {worker}: {source}{}", in_brackets(.limit))]
    Start {
        /// The worker's name.
        worker: String,
        /// What the system said.
        source: io::Error,
        /// The limit that was reached, with how much of it is in use, where one is known.
        limit: Option<String>,
    },
    /// The initializer did not come to its end in a worker.
    #[error("{worker} did not get through the initializer `{task}`: {why}")]
    Initializer {
        /// The worker's name.
        worker: String,
        /// The initializer's full name.
        task: &'static str,
        /// What happened instead.
        why: String,
    },
    /// An argument could not be encoded, or is too large for a frame.
    #[error("batch {call} of `{task}` cannot be sent: {why}")]
    Unsendable {
        /// The call's number.
        call: u64,
        /// The function's full name.
        task: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The task panicked. The worker lives on and takes the next call.
    #[error("{worker} panicked in batch {call} of `{task}`: {message}")]
    Panicked {
        /// The worker's name.
        worker: String,
        /// The call's number.
        call: u64,
        /// The function's full name.
        task: &'static str,
        /// The panic's message and place.
        message: String,
    },
    /// The worker ended, or left the protocol, without a reply, and the call's retries
    /// are spent.
    #[error("{worker} {ending} during batch {call} of `{task}`, without a reply{}", before_it(.earlier))]
    WorkerLost {
        /// The worker's name.
        worker: String,
        /// The call's number.
        call: u64,
        /// The function's full name.
        task: &'static str,
        /// How it ended.
        ending: Ending,
        /// The workers that the call had lost before, in that order, and how each ended.
        earlier: Vec<(String, Ending)>,
    },
    /// A reply that is not a value of the task's result type.
    #[error("the reply to batch {call} of `{task}` by {worker} is not its result: {why}")]
    BadReply {
        /// The worker's name.
        worker: String,
        /// The call's number.
        call: u64,
        /// The function's full name.
        task: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// Every worker is gone; the call was never begun.
    #[error("no worker is left for batch {call} of `{task}`{}", in_brackets(.why))]
    NoWorkerLeft {
        /// The call's number.
        call: u64,
        /// The function's full name.
        task: &'static str,
        /// Why the last worker was not replaced, where one was to be.
        why: Option<String>,
    },
    /// The call was cancelled, as by a pool that was shut down.
    #[error("batch {call} of `{task}` was cancelled")]
    Cancelled {
        /// The call's number.
        call: u64,
        /// The function's full name.
        task: &'static str,
    },
}

fn in_brackets(text: &Option<String>) -> String {
    text.as_ref()
        .map_or_else(String::new, |text| format!(" ({text})"))
}

fn before_it(earlier: &[(String, Ending)]) -> String {
    earlier
        .iter()
        .rev()
        .map(|(worker, ending)| format!("; before it {worker} {ending}"))
        .collect()
}

/// How a worker process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// It called `exit`, or returned from `main`.
    Exited {
        /// Its exit code.
        code: i32,
    },
    /// A signal ended it.
    Killed {
        /// Its number: real-time signals have no name (signal(7)).
        signal: i32,
    },
    /// It sent something that is not a reply, or stopped listening, and was killed.
    ProtocolViolation {
        /// What it did.
        why: String,
    },
    /// It took longer than it may, and was killed.
    Overdue {
        /// How long it may take.
        deadline: Duration,
    },
    /// SIGKILL ended it, and in its cgroup's memory was short meanwhile (cgroups(7)).
    OutOfMemory {
        /// How many processes of the cgroup the kernel has killed for that meanwhile.
        kills: u64,
        /// The cgroup's limit in bytes, where it has one of its own.
        limit: Option<u64>,
    },
    /// It ended, but this process could not wait for it: it had been reaped already, as
    /// the system does at once where SIGCHLD is ignored (wait(2)).
    AlreadyReaped,
    /// It ended, but the fork server, which alone could wait for it, ended or was stopped
    /// before it reported how.
    ServerGone,
}

impl Ending {
    /// Whether this signal ended it, sent by whom is not known.
    pub(crate) fn is_by(&self, by: Signal) -> bool {
        matches!(self, Self::Killed { signal } if *signal == by as i32)
    }

    /// Of the status of a process that has ended, as wait(2) gives it.
    pub(crate) fn of_status(status: i32) -> Self {
        if libc::WIFEXITED(status) {
            let code = libc::WEXITSTATUS(status);
            Self::Exited { code }
        } else {
            let signal = libc::WTERMSIG(status);
            Self::Killed { signal }
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited { code } => write!(f, "exited with code {code}"),
            Self::Killed { signal } => match Signal::try_from(*signal) {
                Ok(named) => write!(f, "was killed by {named}"),
                Err(_) => write!(f, "was killed by signal {signal}"),
            },
            Self::ProtocolViolation { why } => {
                write!(f, "left the protocol ({why}) and was killed")
            }
            Self::Overdue { deadline } => {
                write!(
                    f,
                    "was killed at its deadline of {} s",
                    deadline.as_secs_f64()
                )
            }
            Self::OutOfMemory { kills, limit } => {
                write!(f, "was killed by SIGKILL, while its cgroup")?;
                if let Some(limit) = limit {
                    write!(f, ", whose limit is {} MB of memory,", limit >> 20)?;
                }
                let es = if *kills == 1 { "" } else { "es" };
                write!(f, " lost {kills} process{es} to a want of memory")
            }
            Self::AlreadyReaped => write!(
                f,
                "ended (how is unknown: it had been reaped already, as where SIGCHLD is ignored)"
            ),
            Self::ServerGone => write!(
                f,
                "ended (how is unknown: the fork server, which would have reported it, was gone or stopped)"
            ),
        }
    }
}

/// The process that forks a pool's workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forker {
    /// The pool's own, by the method `fork`.
    ThisProcess,
    /// The fork server.
    Server,
}

impl Forker {
    fn advice(self) -> &'static str {
        match self {
            Self::ThisProcess => "start the pool before the threads",
            Self::Server => "start no thread above `Tasks::serve_if_worker`",
        }
    }
}

impl fmt::Display for Forker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ThisProcess => "this process",
            Self::Server => "the fork server",
        })
    }
}
