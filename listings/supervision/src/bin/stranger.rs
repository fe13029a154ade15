//! A supervisor keeps the number of a worker that has ended. Whose is it now?

use std::error::Error;
use std::fs;
use std::io;
use std::process::{self, ExitCode};
use std::time::{Duration, Instant};

use clap::Parser;
use nix::libc;
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, alarm, fork, pause};
use supervision::process::{Process, told};

/// "It cannot run here", for what runs this program.
const SKIPPED: i32 = 77;

/// A process that is killed has ended by then.
const SOON: Duration = Duration::from_millis(500);

/// The number that the kernel has given last, in this PID namespace (pid_namespaces(7)).
const LAST: &str = "/proc/sys/kernel/ns_last_pid";

fn main() -> ExitCode {
    command_line::run(in_a_namespace)
}

/// Numbers of processes are counted by PID namespace. In a new one nobody else takes any.
fn in_a_namespace(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    // Without the right to make one, a user has it in a user namespace (user_namespaces(7)).
    unshare(CloneFlags::CLONE_NEWPID)
        .or_else(|_| unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWPID))
        .unwrap_or_else(|why| skip(&format!("no PID namespace can be made here: {why}")));
    // SAFETY: this program has one thread, so the child may do all that its parent may.
    match unsafe { fork() }? {
        ForkResult::Child => {
            let ended = supervise(arguments.by_descriptor);
            if let Err(error) = &ended {
                eprintln!("error: {error}");
            }
            process::exit(i32::from(ended.is_err()));
        }
        // It has the number 1 in its namespace, which ends with it.
        ForkResult::Parent { child } => match waitpid(child, None)? {
            WaitStatus::Exited(_, code) => process::exit(code),
            other => Err(told(other).into()),
        },
    }
}

// ANCHOR: supervise
fn supervise(by_descriptor: bool) -> Result<(), Box<dyn Error>> {
    if let Err(why) = fs::write(LAST, "4999") {
        skip(&format!("{LAST} cannot be written here: {why}"));
    }
    let worker = start(|| {})?;
    println!("worker {} ends: {}", worker.pid(), told(worker.wait()?));

    // As far as the counter is when it has been once around.
    fs::write(LAST, "4999")?;
    let stranger = start(|| {
        pause();
    })?;
    println!("process {} is started by somebody else", stranger.pid());

    let killed = if by_descriptor {
        worker.kill()
    } else {
        kill(worker.pid(), Signal::SIGKILL).map_err(io::Error::from)
    };
    match killed {
        Ok(()) => println!("the supervisor kills its worker: done"),
        Err(error) => println!("the supervisor kills its worker: {error}"),
    }
    if stranger.ends_by(Instant::now() + SOON)? {
        let told = told(stranger.wait()?);
        return Err(format!("process {} was {told}, and was no worker", stranger.pid()).into());
    }
    println!("process {} is alive", stranger.pid());
    Ok(())
}
// ANCHOR_END: supervise

/// Starts a child that does that, and exits.
fn start(what: impl FnOnce()) -> io::Result<Process> {
    // SAFETY: this program has one thread, so the child may do all that its parent may.
    match unsafe { fork() }? {
        ForkResult::Child => {
            // Not for ever, whatever becomes of its parent.
            alarm::set(60);
            what();
            // SAFETY: `_exit` has no preconditions.
            unsafe { libc::_exit(0) }
        }
        // Nobody has waited for the child: the number is its own.
        ForkResult::Parent { child } => Process::open(child),
    }
}

fn skip(why: &str) -> ! {
    println!("Skipped: {why}");
    process::exit(SKIPPED);
}

/// Kills a worker that has ended, when its number is another process's
#[derive(Parser)]
struct Arguments {
    /// By the descriptor that was opened when the worker started, not by its number
    #[arg(long)]
    by_descriptor: bool,
}
