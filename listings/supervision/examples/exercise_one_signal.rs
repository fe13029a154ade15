//! Your version: five children end, and their parent waits for one child at each SIGCHLD. It is to
//! learn of all five ends, and from their pidfds.

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

fn count() -> io::Result<()> {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGCHLD);
    // From now on the signal waits until it is read.
    signals.thread_block()?;
    let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
    let signals = SignalFd::with_flags(&signals, flags)?;

    let children = (0..CHILDREN).map(|_| exit_at_once());
    let children = children.collect::<io::Result<Vec<_>>>()?;
    let ended = readable(&children, Instant::now() + Duration::from_secs(10))?;
    println!("pidfds that are readable: {ended}");

    let mut read = 0;
    while let Some(signal) = signals.read_signal()? {
        read += 1;
        let of = |child: &Process| child.pid().as_raw() == signal.ssi_pid as i32;
        if let Some(at) = children.iter().position(of) {
            println!("child {}: {}", at + 1, told(children[at].wait()?));
        }
    }
    println!("SIGCHLD, read from the signalfd: {read}");
    Ok(())
}

/// How many of the children have ended, at the latest at `deadline`, by their descriptors.
fn readable(children: &[Process], deadline: Instant) -> io::Result<usize> {
    // One that ends is enough to go on: the signal tells of the others.
    let first = children.first().map(|child| child.ends_by(deadline));
    first
        .transpose()
        .map(|ended| usize::from(ended == Some(true)))
}

fn exit_at_once() -> io::Result<Process> {
    // SAFETY: this program has one thread, so the child may do all that it may.
    match unsafe { fork() }? {
        // SAFETY: `_exit` has no preconditions.
        ForkResult::Child => unsafe { libc::_exit(0) },
        ForkResult::Parent { child } => Process::open(child),
    }
}

/// Waits for five children
#[derive(Parser)]
struct Arguments {}
