//! Two ways to a new process, with nothing around them.

use std::io::{self, Write};
use std::process::{self, Command, ExitCode};
use std::sync::{Mutex, PoisonError};

use clap::{Parser, ValueEnum};
use nix::libc;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork, getpid, getppid};

/// Shows what a child begins with, by fork and by spawn
#[derive(Parser)]
struct Arguments {
    /// How the child is started
    #[arg(value_enum, default_value = "fork")]
    run: Run,
}

#[derive(Clone, Copy, ValueEnum)]
enum Run {
    /// fork(2): the child is a copy of this process
    Fork,
    /// posix_spawn(3): the child is this program, started anew
    Spawn,
    /// fork(2), with a child that runs on into its parent's code
    RunsOn,
    /// What the spawned child does
    Child,
}

fn main() -> ExitCode {
    command_line::run(|arguments: Arguments| match arguments.run {
        Run::Fork => by_fork(),
        Run::Spawn => by_spawn(),
        Run::RunsOn => by_fork_and_on(),
        Run::Child => {
            in_child();
            Ok(())
        }
    })
}

// ANCHOR: state
/// What both processes look at. Its initial value is part of the program file.
static STATE: Mutex<&str> = Mutex::new("as in the program file");

fn state() -> &'static str {
    *STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn set_state(value: &'static str) {
    *STATE.lock().unwrap_or_else(PoisonError::into_inner) = value;
}
// ANCHOR_END: state

// ANCHOR: fork
fn by_fork() -> io::Result<()> {
    set_state("changed by the parent");
    show("Parent", "before the fork");

    // SAFETY: this process has one thread, so the child may do all that it may.
    match unsafe { fork() }? {
        ForkResult::Child => {
            in_child();
            leave();
        }
        ForkResult::Parent { child } => {
            let status = waitpid(child, None)?;
            if status != WaitStatus::Exited(child, 0) {
                return Err(io::Error::other(format!("the child ended: {status:?}")));
            }
        }
    }
    show("Parent", "after the child has ended");
    Ok(())
}

/// Ends the child. `_exit` and not `exit`: what the parent has registered for its own end, and
/// what waits in its buffers, is the parent's to do.
fn leave() -> ! {
    // SAFETY: `_exit` has no preconditions (_exit(2)).
    unsafe { libc::_exit(0) }
}
// ANCHOR_END: fork

// ANCHOR: runs_on
/// As `by_fork`, without the line that ends the child.
fn by_fork_and_on() -> io::Result<()> {
    set_state("changed by the parent");
    // SAFETY: as in `by_fork`.
    if let ForkResult::Parent { child } = unsafe { fork() }? {
        waitpid(child, None)?;
    } else {
        in_child();
    }
    show("Parent", "after the child has ended");
    Ok(())
}
// ANCHOR_END: runs_on

// ANCHOR: spawn
fn by_spawn() -> io::Result<()> {
    set_state("changed by the parent");
    show("Parent", "before the spawn");

    let status = Command::new("/proc/self/exe").arg("child").status()?;
    if !status.success() {
        return Err(io::Error::other(format!("the child ended with {status}")));
    }
    show("Parent", "after the child has ended");
    Ok(())
}
// ANCHOR_END: spawn

// ANCHOR: child
fn in_child() {
    show("Child", "as it begins");
    set_state("changed by the child");
    show("Child", "before it ends");
}
// ANCHOR_END: child

fn show(who: &str, when: &str) {
    let line = format!(
        "{who} {} (of {}) {when}: state at {:p} is {:?}\n",
        getpid(),
        getppid(),
        &raw const STATE,
        state()
    );
    // In one piece, so that nothing waits in a buffer when the process is copied.
    if let Err(error) = io::stdout().write_all(line.as_bytes()) {
        eprintln!("error: cannot print: {error}");
        process::exit(1);
    }
}
