//! The orphans that come to a supervisor.

use std::fs;
use std::io;

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::{Pid, getpid};

// ANCHOR: end_all_but
/// Kills the children of this process other than its `workers`, and waits for each; then those
/// that have come to it meanwhile, until there are none. Says how many there were.
///
/// This process has to have asked for orphans (`PR_SET_CHILD_SUBREAPER`), and to have one
/// thread: another could start a child that is no orphan.
///
/// # Errors
///
/// Where a child cannot be waited for, or the system does not list the children.
pub fn end_all_but(workers: &[Pid]) -> io::Result<usize> {
    let mut ended = 0;
    loop {
        let mut orphans = children()?;
        orphans.retain(|child| !workers.contains(child));
        if orphans.is_empty() {
            return Ok(ended);
        }
        for orphan in orphans {
            // Its number is its own until it is waited for, and nobody else can do that.
            kill(orphan, Signal::SIGKILL)?;
            waitid(Id::Pid(orphan), WaitPidFlag::WEXITED)?;
            ended += 1;
        }
    }
}
// ANCHOR_END: end_all_but

/// The children of this process's only thread (proc_tid_children(5)).
fn children() -> io::Result<Vec<Pid>> {
    let file = format!("/proc/self/task/{}/children", getpid());
    let children = fs::read_to_string(&file)
        .map_err(|error| io::Error::new(error.kind(), format!("{file}: {error}")))?;
    let pids = children.split(' ').filter_map(|pid| pid.parse().ok());
    Ok(pids.map(Pid::from_raw).collect())
}
