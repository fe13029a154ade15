//! A worker forks, and so do its children. How does it end?

use std::error::Error;
use std::io;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use nix::errno::Errno;
use nix::libc;
use nix::sys::prctl;
use nix::sys::signal::{SigHandler, Signal, signal};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork, setsid};
use supervision::cgroup::{Cgroup, or_skip};
use supervision::process::Process;

/// How many processes its cgroup lets it have.
const MOST: usize = 32;

fn main() -> ExitCode {
    command_line::run(|arguments: Arguments| end(arguments.kills))
}

fn end(kills: usize) -> Result<(), Box<dyn Error>> {
    prctl::set_child_subreaper(true)?;
    let cgroup = or_skip(Cgroup::new("forks").and_then(|cgroup| {
        cgroup.limit_processes(MOST)?;
        // Nobody is in it yet. Can it be done?
        cgroup.kill()?;
        Ok(cgroup)
    }));
    // SAFETY: this program has one thread, so the child may do all that its parent may.
    if let ForkResult::Child = unsafe { fork() }? {
        fork_for_ever(&cgroup);
    }
    // ANCHOR: end
    println!(
        "its cgroup lets it have {MOST}: {} are there",
        full(&cgroup)?
    );

    for _ in 0..kills {
        kill_one(&cgroup)?;
        reap()?;
    }
    println!(
        "after {kills} kills, one by one: {} are there",
        full(&cgroup)?
    );

    cgroup.kill()?;
    let late = Instant::now() + Duration::from_secs(3);
    while reap()? && Instant::now() < late {
        thread::sleep(Duration::from_millis(1));
    }
    println!("after cgroup.kill: {} are there", cgroup.processes()?.len());
    // ANCHOR_END: end
    Ok(())
}

fn fork_for_ever(cgroup: &Cgroup) -> ! {
    // Those of its children that end are not kept as zombies.
    // SAFETY: no handler is installed.
    let _ = unsafe { signal(Signal::SIGCHLD, SigHandler::SigIgn) };
    if cgroup.enter().is_err() {
        // It would have no limit.
        // SAFETY: `_exit` has no preconditions.
        unsafe { libc::_exit(1) }
    }
    // Not for ever, whatever becomes of the supervisor.
    let late = Instant::now() + Duration::from_secs(20);
    while Instant::now() < late {
        let _ = setsid();
        // SAFETY: a copy of a process with one thread.
        let _ = unsafe { fork() };
    }
    // SAFETY: `_exit` has no preconditions.
    unsafe { libc::_exit(0) }
}

/// Kills the first process that is in the cgroup.
fn kill_one(cgroup: &Cgroup) -> io::Result<()> {
    let first = || Ok::<_, io::Error>(cgroup.processes()?.first().copied());
    let Some(pid) = first()? else { return Ok(()) };
    let Ok(process) = Process::open(pid) else {
        return Ok(());
    };
    // It may have ended before it was opened, and its number be another's. Then it is not there.
    if first()? == Some(pid) {
        let _ = process.kill();
        process.ends_by(Instant::now() + Duration::from_secs(5))?;
    }
    Ok(())
}

/// Waits for those that have ended and have come to this process; whether some are left.
fn reap() -> io::Result<bool> {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) => return Ok(true),
            Err(Errno::ECHILD) => return Ok(false),
            other => other?,
        };
    }
}

/// How many there are, when there are as many as may be or a second has passed.
fn full(cgroup: &Cgroup) -> io::Result<usize> {
    let late = Instant::now() + Duration::from_secs(1);
    loop {
        let count = cgroup.processes()?.len();
        if count >= MOST || Instant::now() > late {
            return Ok(count);
        }
        reap()?;
        thread::sleep(Duration::from_millis(1));
    }
}

/// Starts a worker that forks without end, and ends it
#[derive(Parser)]
struct Arguments {
    /// How many of its processes are killed one by one
    #[arg(long, default_value = "100", value_parser = command_line::count::<10_000>)]
    kills: usize,
}
