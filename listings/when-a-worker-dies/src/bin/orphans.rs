//! A zombie and an orphan, in the columns of `ps -o pid,ppid,stat,comm`.

use std::fs;
use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use clap::Parser;
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::{ForkResult, Pid, alarm, fork, getpid, pause};

fn main() -> ExitCode {
    command_line::run(|_: Arguments| watch())
}

// ANCHOR: watch
fn watch() -> io::Result<()> {
    // Without this the orphan would go to an ancestor that has asked for it, or to init.
    prctl::set_child_subreaper(true)?;
    let (parent, worker) = start()?;
    let family = [("reaper", getpid()), ("parent", parent), ("worker", worker)];

    // Until both have come to where they wait.
    thread::sleep(Duration::from_millis(50));
    println!("            PID    PPID STAT COMMAND        WHEN");
    show("at first", &family)?;
    kill(parent, Signal::SIGKILL)?;
    // Until it has ended, and without taking its status from the kernel.
    waitid(Id::Pid(parent), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT)?;
    show("after the kill", &family)?;
    waitid(Id::Pid(parent), WaitPidFlag::WEXITED)?;
    show("after the wait", &family)?;
    kill(worker, Signal::SIGKILL)?;
    waitid(Id::Pid(worker), WaitPidFlag::WEXITED)?;
    show("in the end", &family)
}
// ANCHOR_END: watch

/// A child of this process, and a child of that one.
fn start() -> io::Result<(Pid, Pid)> {
    let (mut reader, mut writer) = io::pipe()?;
    // SAFETY: this process has one thread, so the child may do all that it may.
    match unsafe { fork() }? {
        ForkResult::Child => {
            // SAFETY: as above.
            if let Ok(ForkResult::Parent { child }) = unsafe { fork() } {
                let _ = writer.write_all(&child.as_raw().to_ne_bytes());
            }
            // Not for ever, whatever becomes of the one that watches.
            alarm::set(10);
            loop {
                pause();
            }
        }
        ForkResult::Parent { child } => {
            drop(writer);
            let mut grandchild = [0; 4];
            reader.read_exact(&mut grandchild)?;
            Ok((child, Pid::from_raw(i32::from_ne_bytes(grandchild))))
        }
    }
}

/// A line for each process that the kernel still lists.
fn show(when: &str, family: &[(&str, Pid)]) -> io::Result<()> {
    for (who, pid) in family {
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
            println!("{who:<28} gone            {when}");
            continue;
        };
        // pid (comm) state ppid …, and the name may have anything in it (proc(5)).
        let (start, rest) = stat.rsplit_once(") ").ok_or(io::ErrorKind::InvalidData)?;
        let (_, command) = start.split_once(" (").ok_or(io::ErrorKind::InvalidData)?;
        let mut rest = rest.split(' ');
        let (state, ppid) = (rest.next().unwrap_or("?"), rest.next().unwrap_or("?"));
        println!("{who:<7}{pid:>8}{ppid:>8} {state:<4} {command:<15}{when}");
    }
    Ok(())
}

/// Kills a process that has a child, and shows what becomes of both
#[derive(Parser)]
struct Arguments {}
