//! The processes of a run: found, signalled, reaped.

use std::collections::HashSet;

use anyhow::Result;
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use rustix::process::{PidfdFlags, pidfd_open, pidfd_send_signal};

use super::proc::{self, Stat};

/// The processes of a run beside its main one.
pub(super) struct Tree {
    /// The main process; its number is its group's too.
    main: Pid,
    /// The environment variable that marks the run's processes, `NAME=value`.
    mark: String,
    /// Orphans met so far: a zombie has no environment by which to know it.
    orphans: HashSet<Pid>,
}

/// What is left of a run beside its main process.
#[derive(Debug, Default)]
pub(super) struct Left {
    /// The processes that are alive.
    pub(super) alive: Vec<(Pid, Stat)>,
    /// Whether some had ended and were reaped: their children may have come up since.
    pub(super) reaped: bool,
    /// Whether a child of this process cannot be told yet to belong to the run or not.
    pub(super) undecided: bool,
}

impl Tree {
    pub(super) fn new(main: Pid, mark: String) -> Tree {
        Tree {
            main,
            mark,
            orphans: HashSet::new(),
        }
    }

    /// Looks for the processes of this run beside its main one: those of its
    /// group, those that have become this process's children and bear its mark,
    /// and the descendants of both. Reaps those that have ended.
    pub(super) fn left(&mut self) -> Result<Left> {
        let mut left = Left::default();
        let all = proc::all()?;
        for &(pid, stat) in &all {
            if pid == self.main {
                continue;
            }
            let is_child = stat.parent == Pid::this();
            if stat.group != self.main {
                if !is_child {
                    continue;
                }
                match proc::has_variable(pid, &self.mark) {
                    Some(true) => {}
                    None if self.orphans.contains(&pid) => {}
                    Some(false) => continue,
                    None => {
                        left.undecided |= !stat.zombie;
                        continue;
                    }
                }
            }
            if !stat.zombie {
                left.alive.push((pid, stat));
            } else if is_child {
                // Gone already, or reaped here: both are well.
                let _ = waitpid(pid, Some(WaitPidFlag::WNOHANG));
                self.orphans.remove(&pid);
                left.reaped = true;
            }
        }
        let mut at = 0;
        while at < left.alive.len() {
            let (parent, _) = left.alive[at];
            for &(pid, stat) in &all {
                let known = left.alive.iter().any(|(known, _)| *known == pid);
                if stat.parent == parent && !stat.zombie && !known {
                    left.alive.push((pid, stat));
                }
            }
            at += 1;
        }
        self.orphans.extend(left.alive.iter().map(|(pid, _)| *pid));
        Ok(left)
    }

    /// Sends a signal to the group and to those that are alive. What has ended meanwhile cannot
    /// be signalled, and need not be.
    ///
    /// The main process must not have been reaped: until then nobody else has its number, nor
    /// its group's.
    pub(super) fn signal(&self, alive: &[(Pid, Stat)], signal: Signal) {
        let _ = killpg(self.main, signal);
        for (pid, stat) in alive {
            send(*pid, stat, signal);
        }
    }
}

/// Sends a signal to the process that had this number when it began at that time, and to no
/// other that may have it by now.
fn send(pid: Pid, seen: &Stat, signal: Signal) {
    let Some(number) = rustix::process::Pid::from_raw(pid.as_raw()) else {
        return;
    };
    let Ok(handle) = pidfd_open(number, PidfdFlags::empty()) else {
        return;
    };
    // The handle is of whoever has the number now: the same process, if it began as that did.
    let same = proc::stat(pid).is_some_and(|now| now.began == seen.began);
    if same && let Some(signal) = rustix::process::Signal::from_named_raw(signal as i32) {
        let _ = pidfd_send_signal(&handle, signal);
    }
}
