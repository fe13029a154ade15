//! By what tokio learns that a child has ended.

use std::error::Error;
use std::fs;
use std::io;
use std::process::{ExitCode, Stdio, exit};

use clap::Parser;
use nix::sys::signal::Signal;
use tokio::process::{Child, Command};
use tokio::runtime::Builder;
use tokio::task::yield_now;
use under_tokio::processes::children;

/// Shows which descriptors and which signal handler tokio has for its children
#[derive(Parser)]
struct Arguments {}

/// "It cannot run here", for who runs this program.
const SKIPPED: i32 = 77;

fn main() -> ExitCode {
    command_line::run(|_: Arguments| -> Result<(), Box<dyn Error>> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(three_children())
    })
}

// ANCHOR: learns
async fn three_children() -> Result<(), Box<dyn Error>> {
    show("a runtime")?;
    let mut spawned = vec![cat()?, cat()?, cat()?];
    show("three children")?;

    // Each ends when its standard input does, which `wait` closes.
    for mut child in spawned.drain(1..) {
        child.wait().await?;
    }
    show("two have ended, awaited")?;

    // Dropped, its standard input too. It has not ended yet, so who is to wait for it?
    drop(spawned);
    show("the third is dropped")?;
    while !children()?.is_empty() {
        yield_now().await;
    }
    show("it has ended")
}
// ANCHOR_END: learns

fn cat() -> Result<Child, Box<dyn Error>> {
    let child = Command::new("cat").stdin(Stdio::piped()).spawn()?;
    if pidfds()? == 0 {
        println!("Skipped: this system has no pidfds, and tokio goes by SIGCHLD");
        exit(SKIPPED);
    }
    Ok(child)
}

fn show(when: &str) -> Result<(), Box<dyn Error>> {
    println!(
        "{when:<24} children {}  pidfds {}  handler of SIGCHLD {}",
        children()?.len(),
        pidfds()?,
        if handles(Signal::SIGCHLD)? {
            "yes"
        } else {
            "no"
        }
    );
    Ok(())
}

/// How many of this process's descriptors stand for a process.
fn pidfds() -> io::Result<usize> {
    let mut count = 0;
    for entry in fs::read_dir("/proc/self/fd")? {
        // The one that reads the folder is closed by now.
        if let Ok(target) = fs::read_link(entry?.path()) {
            count += usize::from(target.to_string_lossy().contains("pidfd"));
        }
    }
    Ok(count)
}

/// Whether this process has a handler of it (proc(5), `SigCgt`).
fn handles(signal: Signal) -> Result<bool, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let mask = u64::from_str_radix(mask.ok_or("no SigCgt")?.trim(), 16)?;
    Ok(mask & (1 << (signal as u32 - 1)) != 0)
}
