//! The number by which the kernel knows the processes of a run.

use std::hash::{BuildHasher, RandomState};
use std::io;

use anyhow::{Context, Result};
use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};
use nix::unistd::Pid;

/// Marks the processes of one run, and no others.
///
/// It is the soft limit `RLIMIT_RSS` of its main process. Linux enforces none since 2.4.30
/// (getrlimit(2)), every descendant inherits it, neither `execve` nor `setsid` nor an empty
/// environment takes it away, and a zombie shows it until it is reaped. Only a process that sets
/// its own `RLIMIT_RSS` loses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RunId {
    soft: rlim_t,
    hard: rlim_t,
}

impl RunId {
    /// A number that no other run has: drawn at random, and far above any machine's memory
    /// where the hard limit is.
    pub(super) fn new() -> Result<RunId> {
        let (_, hard) = getrlimit(Resource::RLIMIT_RSS).context("cannot read a limit")?;
        // "No limit" is the largest number; programs that compute with it take it as signed.
        let most = hard.min(rlim_t::MAX >> 1);
        let random = RandomState::new().hash_one(std::process::id());
        let soft = most - 1 - random % (most / 16).max(1);
        Ok(RunId { soft, hard })
    }

    /// Marks this process. Makes one system call and allocates nothing.
    pub(super) fn mark_this_process(self) -> io::Result<()> {
        Ok(setrlimit(Resource::RLIMIT_RSS, self.soft, self.hard)?)
    }

    /// Whether a process, alive or a zombie, is of the run; `false` when it is gone.
    pub(super) fn marks(self, pid: Pid) -> bool {
        let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap_or_default();
        let soft = limits.lines().find_map(|line| {
            let limit = line.strip_prefix("Max resident set")?;
            limit.split_ascii_whitespace().next()
        });
        soft.is_some_and(|soft| soft.parse() == Ok(self.soft))
    }

    /// As `/proc/PID/limits` shows it.
    pub(super) fn limit(self) -> String {
        self.soft.to_string()
    }
}
