//! The processes of a run: found, signalled, reaped.

use anyhow::Result;
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use rustix::process::{PidfdFlags, pidfd_open, pidfd_send_signal};

use super::proc::{self, Stat};
use super::run_id::RunId;

/// The processes of a run beside its main one.
pub(super) struct Tree {
    /// The main process; its number is its group's too.
    main: Pid,
    id: RunId,
}

/// What is left of a run beside its main process.
#[derive(Debug, Default)]
pub(super) struct Left {
    /// The processes that are alive.
    pub(super) alive: Vec<(Pid, Stat)>,
    /// Whether some had ended and were reaped: their children may have come up since.
    pub(super) reaped: bool,
}

impl Tree {
    pub(super) fn new(main: Pid, id: RunId) -> Tree {
        Tree { main, id }
    }

    /// Looks for the processes of this run beside its main one: those of its group and those
    /// that bear its mark. Reaps those that have ended and have become this process's children.
    ///
    /// No other child of this process is reaped, whatever holds it: this process never has the
    /// mark, so of its children only the run's main process was born with it, and the group is
    /// the main process's. Every other child that bears the mark, or is of the group, is an
    /// orphan of the run, of which nobody here has a handle. Its number stays its own until it is
    /// reaped, which only this does.
    ///
    /// The main process must not have been reaped.
    pub(super) fn left(&self) -> Result<Left> {
        let mut left = Left::default();
        let all = proc::all()?;
        let main = all.iter().find(|(pid, _)| *pid == self.main);
        let main_began = main.map_or(0, |(_, stat)| stat.began);
        for (pid, stat) in all {
            // What is older than the main process does not descend from it.
            let may_descend = pid != self.main && stat.began >= main_began;
            if !may_descend || (stat.group != self.main && !self.id.marks(pid)) {
                continue;
            }
            if !stat.zombie {
                left.alive.push((pid, stat));
            } else if stat.parent == Pid::this() {
                // Gone already, or reaped here: both are well.
                let _ = waitpid(pid, Some(WaitPidFlag::WNOHANG));
                left.reaped = true;
            }
        }
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
            if stat.group != self.main {
                send(*pid, stat, signal);
            }
        }
    }
}

/// Sends a signal to the process that had this number when it began at that time, and to no
/// other that may have it by now.
pub(super) fn send(pid: Pid, seen: &Stat, signal: Signal) {
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
