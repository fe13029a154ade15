//! A worker that has started other processes, in three ways.

use std::io::{self, PipeWriter, Read, Write};

use nix::libc;
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, alarm, fork, getpid, pause, setpgid, setsid};

use crate::cgroup::Cgroup;
use crate::process::Process;

/// The worker and what it has started, in this order: the worker, the first of a process group; a
/// child of it; a child that has called setsid(2); a daemon, whose parent has called setsid(2),
/// started it, and ended.
pub type Family = [Process; 4];

const WORKER: i32 = 0;
const CHILD: i32 = 1;
const SESSION: i32 = 2;
const DAEMON: i32 = 3;

// ANCHOR: family
/// Starts one, in a cgroup if there is any, and comes back when each has done what it does.
///
/// # Errors
///
/// Where the system starts no more processes, or one of these ends early.
pub fn start(cgroup: Option<&Cgroup>) -> io::Result<Family> {
    let (mut hears, tells) = io::pipe()?;
    if in_child()? {
        drop(hears);
        // Where it fails the pipe is closed before all of them are told.
        stay_if(be_worker(&tells, cgroup));
    }
    drop(tells);
    let mut pids = [Pid::from_raw(0); 4];
    for _ in 0..pids.len() {
        let mut told = [0; 8];
        hears.read_exact(&mut told)?;
        let [member, pid] = [&told[..4], &told[4..]]
            .map(|bytes| i32::from_ne_bytes(bytes.try_into().unwrap_or_default()));
        pids[member as usize] = Pid::from_raw(pid);
    }
    // Each waits for a signal now, and so is alive.
    let [worker, child, session, daemon] = pids.map(Process::open);
    Ok([worker?, child?, session?, daemon?])
}

fn be_worker(tells: &PipeWriter, cgroup: Option<&Cgroup>) -> io::Result<()> {
    cgroup.map_or(Ok(()), Cgroup::enter)?;
    setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
    start_one(tells, CHILD, || Ok(()))?;
    start_one(tells, SESSION, || setsid().map(drop))?;
    // SAFETY: as in `in_child`.
    match unsafe { fork() }? {
        ForkResult::Child => {
            let started = setsid().map_err(io::Error::from);
            let started = started.and_then(|_| start_one(tells, DAEMON, || Ok(())));
            // SAFETY: `_exit` has no preconditions.
            unsafe { libc::_exit(i32::from(started.is_err())) }
        }
        // The daemon has no parent any more but the one that orphans have.
        ForkResult::Parent { child } => waitpid(child, None)?,
    };
    tell(tells, WORKER)
}

/// Starts a child that does what comes `first`, tells its number, and waits.
fn start_one(tells: &PipeWriter, member: i32, first: fn() -> nix::Result<()>) -> io::Result<()> {
    if in_child()? {
        stay_if(
            first()
                .map_err(io::Error::from)
                .and_then(|()| tell(tells, member)),
        );
    }
    Ok(())
}
// ANCHOR_END: family

/// Forks; whether this is the child.
fn in_child() -> io::Result<bool> {
    // SAFETY: the programs that use this have one thread, so the child may do all that its parent
    // may (fork(2)).
    Ok(matches!(unsafe { fork() }?, ForkResult::Child))
}

fn tell(mut tells: &PipeWriter, member: i32) -> io::Result<()> {
    let numbers = [member, getpid().as_raw()].map(i32::to_ne_bytes);
    // Few enough bytes to come in one piece (pipe(7)).
    tells.write_all(numbers.as_flattened())
}

/// Waits for a signal, and not for ever, if all went well until now.
fn stay_if(well: io::Result<()>) -> ! {
    alarm::set(60);
    while well.is_ok() {
        pause();
    }
    // SAFETY: `_exit` has no preconditions. What the parent has registered for its own end is the
    // parent's to do (_exit(2)).
    unsafe { libc::_exit(1) }
}
