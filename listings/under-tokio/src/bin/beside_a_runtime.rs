//! A process with a runtime is forked, and the child goes on with it.

use std::error::Error;
use std::io;
use std::mem::forget;
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use nix::libc;
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::process::Command;
use tokio::runtime::{Builder, Runtime};
use tokio::time::{sleep, timeout};

/// Forks beside a runtime, and uses the runtime in the child
#[derive(Parser)]
struct Arguments {}

/// How long a child may take, and a message that is in the socket already.
const PATIENCE: Duration = Duration::from_millis(500);
const SOON: Duration = Duration::from_millis(10);

fn main() -> ExitCode {
    command_line::run(|_: Arguments| -> Result<(), Box<dyn Error>> {
        println!("forked before there is a runtime, and the child makes one");
        in_child("a sleep of 10 ms", || {
            two_threads()?.block_on(async { sleep(SOON).await });
            Ok(())
        })?;
        beside_two_threads()?;
        Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(beside_one_thread())
    })
}

fn two_threads() -> io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
}

fn beside_two_threads() -> Result<(), Box<dyn Error>> {
    let runtime = two_threads()?;
    println!("forked beside a runtime of two threads, and the child uses it");
    in_child("a future that is ready", || {
        runtime.block_on(async {});
        Ok(())
    })?;
    in_child("a sleep of 10 ms", || {
        runtime.block_on(async { sleep(SOON).await });
        Ok(())
    })?;
    in_child("a task", || Ok(runtime.block_on(runtime.spawn(async {}))?))
}

/// Forks, has the child do `work`, and says whether it came to an end.
fn in_child(
    what: &str,
    work: impl FnOnce() -> Result<(), Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    // SAFETY: beside threads a child may do only what is async-signal-safe (fork(2)); this one
    // does more. What comes of that is the experiment: the child shares no memory with its
    // parent, and is ended where it does not end.
    match unsafe { fork() }? {
        ForkResult::Child => {
            // Unwinding any further would go on in the parent's code.
            let worked = catch_unwind(AssertUnwindSafe(work));
            let code = i32::from(!matches!(worked, Ok(Ok(()))));
            // SAFETY: `_exit` has no preconditions.
            unsafe { libc::_exit(code) }
        }
        ForkResult::Parent { child } => {
            let deadline = Instant::now() + PATIENCE;
            while Instant::now() < deadline {
                match waitpid(child, Some(WaitPidFlag::WNOHANG))? {
                    WaitStatus::StillAlive => thread::sleep(Duration::from_millis(1)),
                    WaitStatus::Exited(_, 0) => {
                        println!("  {what}: done");
                        return Ok(());
                    }
                    other => return Err(format!("{what}: {other:?}").into()),
                }
            }
            kill(child, Signal::SIGKILL)?;
            waitpid(child, None)?;
            println!("  {what}: not done after {} ms", PATIENCE.as_millis());
            Ok(())
        }
    }
}

// ANCHOR: one
/// One thread, as fork(2) wants it, and children that do next to nothing.
async fn beside_one_thread() -> Result<(), Box<dyn Error>> {
    println!("beside a runtime of one thread, and the child ends at once");
    let (ours, theirs) = UnixStream::pair()?;
    let ours = fork_with(ours, forget)?;
    hear("forked, leaves its copy of a socket alone", ours, theirs).await?;

    let (ours, theirs) = UnixStream::pair()?;
    let ours = fork_with(ours, drop)?;
    hear("forked, drops its copy", ours, theirs).await?;

    let (ours, theirs) = UnixStream::pair()?;
    Command::new("true").status().await?;
    hear("spawned, has its copy closed by exec", ours, theirs).await
}
// ANCHOR_END: one

/// Forks, and waits for the child, which ends after `end`.
fn fork_with(socket: UnixStream, end: impl FnOnce(UnixStream)) -> io::Result<UnixStream> {
    // SAFETY: this process has one thread, so the child may do all that it may.
    match unsafe { fork() }? {
        ForkResult::Child => {
            end(socket);
            // SAFETY: `_exit` has no preconditions.
            unsafe { libc::_exit(0) }
        }
        ForkResult::Parent { child } => {
            waitpid(child, None)?;
            Ok(socket)
        }
    }
}

/// Whether the parent hears what comes through its socket.
async fn hear(
    child: &str,
    mut ours: UnixStream,
    mut theirs: UnixStream,
) -> Result<(), Box<dyn Error>> {
    theirs.write_all(b"an answer").await?;
    let mut answer = [0; 9];
    let heard = timeout(PATIENCE, ours.read_exact(&mut answer)).await;
    let ready = poll(&mut [PollFd::new(ours.as_fd(), PollFlags::POLLIN)], 0_u8)?;
    match (heard, ready) {
        (Ok(_), _) => println!("  {child}: the parent reads it"),
        (Err(_), 0) => println!("  {child}: nothing came"),
        (Err(_), _) => println!("  {child}: it is there, and the parent waits"),
    }
    Ok(())
}
