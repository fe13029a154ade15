//! The process of a pool is killed. How long are its workers there?

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use process_pool::{Pool, StartMethod, Tasks};

const WORKERS: usize = 2;

fn main() -> ExitCode {
    Tasks::new().add(work).serve_if_worker();
    command_line::run(|arguments: Arguments| match arguments.parent_of {
        Some(method) => keep_busy(method),
        None => kill_each_parent(),
    })
}

/// A task that has a minute to go.
fn work(_: usize) {
    println!("at work");
    thread::sleep(Duration::from_secs(60));
}

fn keep_busy(method: StartMethod) -> Result<(), Box<dyn Error>> {
    let pool = Pool::builder(method).workers(WORKERS).start()?;
    pool.map(work, 0..WORKERS)?;
    Ok(())
}

fn kill_each_parent() -> Result<(), Box<dyn Error>> {
    // Orphans become this process's children, so that it can tell when they end.
    prctl::set_child_subreaper(true)?;
    let mut longest = Duration::ZERO;
    for method in StartMethod::ALL {
        longest = longest.max(kill_the_parent(method)?);
    }
    println!(
        "the last of all ended after within_s={:.3}",
        longest.as_secs_f64()
    );
    Ok(())
}

/// How long its processes were there after it.
fn kill_the_parent(method: StartMethod) -> Result<Duration, Box<dyn Error>> {
    let mut parent = Command::new("/proc/self/exe")
        .args(["--parent-of", &method.to_string()])
        .stdout(Stdio::piped())
        .spawn()?;
    let output = parent.stdout.take().ok_or("no output to read")?;
    let at_work = BufReader::new(output).lines().take(WORKERS).count();

    let killed = Instant::now();
    parent.kill()?;
    parent.wait()?;
    let mut ended = 0;
    let left = loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Err(Errno::ECHILD) => break "none",
            Ok(WaitStatus::StillAlive) if killed.elapsed() > Duration::from_secs(1) => break "some",
            Ok(WaitStatus::StillAlive) => thread::sleep(Duration::from_millis(1)),
            Ok(_) => ended += 1,
            Err(error) => return Err(error.into()),
        }
    };
    let within = killed.elapsed();
    println!(
        "{method}: {at_work} workers at work, their parent is killed: {ended} processes end, {left} left"
    );
    Ok(within)
}

/// Kills the parent of a pool whose workers are busy, and waits for them
#[derive(Parser)]
struct Arguments {
    /// Be that parent, of workers by this start method
    #[arg(long, hide = true)]
    parent_of: Option<StartMethod>,
}
