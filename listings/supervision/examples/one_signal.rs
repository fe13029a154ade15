//! A solution: five children end. How often is their parent told?

use std::io;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use nix::libc;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::{ForkResult, fork};
use supervision::process::{Process, told};

const CHILDREN: usize = 5;

fn main() -> ExitCode {
    command_line::run(|_: Arguments| count())
}

// ANCHOR: solution
fn count() -> io::Result<()> {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGCHLD);
    // From now on the signal waits until it is read.
    signals.thread_block()?;
    let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
    let signals = SignalFd::with_flags(&signals, flags)?;

    let children = (0..CHILDREN).map(|_| exit_at_once());
    let children = children.collect::<io::Result<Vec<_>>>()?;
    let late = Instant::now() + Duration::from_secs(10);
    let ended = children.iter().map(|child| child.ends_by(late));
    let ended: Vec<bool> = ended.collect::<io::Result<_>>()?;
    let ended = ended.into_iter().filter(|ended| *ended).count();
    println!("pidfds that are readable: {ended}");

    let mut read = 0;
    while let Some(signal) = signals.read_signal()? {
        read += 1;
        let of = children
            .iter()
            .position(|child| child.pid().as_raw() == signal.ssi_pid as i32);
        println!("SIGCHLD of child {}", of.map_or(0, |at| at + 1));
    }
    println!("SIGCHLD, read from the signalfd: {read}");

    for (at, child) in children.iter().enumerate() {
        println!("child {}: {}", at + 1, told(child.wait()?));
    }
    Ok(())
}
// ANCHOR_END: solution

fn exit_at_once() -> io::Result<Process> {
    // SAFETY: this program has one thread, so the child may do all that its parent may.
    match unsafe { fork() }? {
        // SAFETY: `_exit` has no preconditions.
        ForkResult::Child => unsafe { libc::_exit(0) },
        ForkResult::Parent { child } => Process::open(child),
    }
}

/// Counts the signals and the pidfds by which the ends of five children are told
#[derive(Parser)]
struct Arguments {}
