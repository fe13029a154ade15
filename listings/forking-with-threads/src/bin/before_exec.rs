//! A line that is printed between a fork and an exec, beside a thread that prints.

use std::error::Error;
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, ExitStatus};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use clap::Parser;
use nix::libc;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, write};

// ANCHOR: closure
/// Starts `true`, and says so in the child; returns how it ended.
fn start(by_write: bool) -> io::Result<ExitStatus> {
    let says_so = move || {
        if by_write {
            write(
                io::stderr().as_fd(),
                b"The child is about to execute `true`\n",
            )?;
        } else {
            eprintln!("The child is about to execute `true`");
        }
        Ok(())
    };
    let mut command = Command::new("true");
    // SAFETY: write(2) is async-signal-safe. `eprintln!` is not: broken on purpose.
    unsafe { command.pre_exec(says_so) };
    command.spawn()?.wait()
}
// ANCHOR_END: closure

// ANCHOR: beside
/// Calls `start` while another thread has standard error, and watches.
fn start_beside_a_thread(by_write: bool) -> Result<(), Box<dyn Error>> {
    let (held, is_held) = mpsc::channel();
    let (let_go, may_let_go) = mpsc::channel::<()>();
    let logger = thread::spawn(move || {
        // As a logger does for a record of several lines.
        let _lines = io::stderr().lock();
        let _ = held.send(());
        let _ = may_let_go.recv();
    });
    is_held.recv()?;
    let (ended, how_it_ended) = mpsc::channel();
    let starter = thread::spawn(move || ended.send(start(by_write)));
    match how_it_ended.recv_timeout(Duration::from_millis(500)) {
        Ok(status) => println!("After 500 ms: spawn has returned, {}", status?),
        Err(RecvTimeoutError::Timeout) => {
            println!("After 500 ms: spawn has not returned");
            let child = only_child()?;
            let waits_in = system_call_of(child);
            kill(child, Signal::SIGKILL)?;
            println!("The child waits in {}", waits_in.unwrap_or_else(cannot_see));
            match how_it_ended.recv()? {
                Ok(status) => println!("The child is killed: spawn has no error, {status}"),
                Err(error) => println!("The child is killed: spawn has an error, {error}"),
            }
        }
        Err(error) => return Err(error.into()),
    }
    drop(let_go);
    let _ = (logger.join(), starter.join());
    Ok(())
}
// ANCHOR_END: beside

/// This process's child, of whichever of its threads.
fn only_child() -> Result<Pid, Box<dyn Error>> {
    for task in fs::read_dir("/proc/self/task")? {
        let children = fs::read_to_string(task?.path().join("children"))?;
        if let Some(child) = children.split_whitespace().next() {
            return Ok(Pid::from_raw(child.parse()?));
        }
    }
    Err("expected a child, found none".into())
}

/// The system call in which a process waits (proc(5), `/proc/PID/syscall`).
fn system_call_of(process: Pid) -> io::Result<String> {
    let call = fs::read_to_string(format!("/proc/{process}/syscall"))?;
    let number = call.split_whitespace().next().unwrap_or_default();
    if number.parse() == Ok(libc::SYS_futex) {
        return Ok("futex".to_string());
    }
    Ok(format!("system call {number}"))
}

/// Ends a run that cannot be made here.
fn cannot_see(error: io::Error) -> String {
    eprintln!("skipped: the system call of a child cannot be seen here: {error}");
    std::process::exit(77)
}

/// Starts a program while another thread prints, and prints a line before the exec
#[derive(Parser)]
struct Arguments {
    /// Print by write(2) alone
    #[arg(long)]
    by_write: bool,
}

fn main() -> ExitCode {
    command_line::run(|arguments: Arguments| start_beside_a_thread(arguments.by_write))
}
