//! Your version: three workers with a second of processor time. By the status of the first one
//! you are to see that it has used up its time.

use std::hint::black_box;
use std::io;
use std::process::ExitCode;

use clap::Parser;
use nix::libc;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigHandler, Signal, signal};
use nix::unistd::{ForkResult, alarm, fork};
use supervision::process::{Process, told};

fn main() -> ExitCode {
    command_line::run(|_: Arguments| spin_under_each())
}

/// For each worker its seconds, and whether it ignores SIGXCPU.
const LIMITS: [(u64, bool); 3] = [(1, false), (1, true), (1, false)];

fn spin_under_each() -> io::Result<()> {
    let workers = LIMITS.map(|(seconds, ignores)| spin(seconds, ignores));
    for ((seconds, ignores), worker) in LIMITS.iter().zip(workers) {
        let told = told(worker?.wait()?);
        let how = if *ignores { ", ignores SIGXCPU" } else { "" };
        println!("soft {seconds} s, hard {seconds} s{how}: {told}");
    }
    Ok(())
}

fn spin(seconds: u64, ignores: bool) -> io::Result<Process> {
    // SAFETY: this program has one thread, so the child may do all that its parent may.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => Process::open(child),
        ForkResult::Child => {
            // Not for ever, whatever the limit does.
            alarm::set(50);
            if ignores {
                // SAFETY: no handler is installed.
                let _ = unsafe { signal(Signal::SIGXCPU, SigHandler::SigIgn) };
            }
            let limited = setrlimit(Resource::RLIMIT_CPU, seconds, seconds)
                .and_then(|()| setrlimit(Resource::RLIMIT_CORE, 0, 0));
            while limited.is_ok() {
                black_box(());
            }
            // SAFETY: `_exit` has no preconditions.
            unsafe { libc::_exit(1) }
        }
    }
}

/// Lets three workers compute without end, under limits of processor time
#[derive(Parser)]
struct Arguments {}
