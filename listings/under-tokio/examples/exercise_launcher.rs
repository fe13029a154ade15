//! Your version: a service whose workers end with it, and not before. They are to be started by a
//! thread of yours, which lives as long as the service.

use std::error::Error;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill, raise};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use tokio::runtime::Builder;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};
use under_tokio::endless;
use under_tokio::matcher::{Matcher, serve_if_matcher};
use under_tokio::processes::children;

/// Starts two workers that end with their service, and kills the service
#[derive(Parser)]
struct Arguments {
    /// Be the service, not the one that watches it
    #[arg(long, hide = true)]
    service: bool,
}

/// How long a thread for blocking calls stays without one.
const KEEP_ALIVE: Duration = Duration::from_millis(100);
/// Beyond this something is stuck.
const PATIENCE: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    serve_if_matcher().unwrap_or_else(|| {
        command_line::run(
            |arguments: Arguments| {
                if arguments.service { serve() } else { watch() }
            },
        )
    })
}

/// Starts a worker. It is killed when the thread that calls this ends, or its process.
fn start_worker() -> io::Result<Matcher> {
    let name = thread::current()
        .name()
        .unwrap_or("without a name")
        .to_owned();
    println!("a worker is started by the thread {name}");
    Matcher::start_with_parent()
}

fn serve() -> Result<(), Box<dyn Error>> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .thread_keep_alive(KEEP_ALIVE)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut workers = Vec::new();
        for _ in 0..2 {
            workers.push(spawn_blocking(start_worker).await??);
        }
        ask_all(&mut workers).await?;
        // A quiet evening.
        sleep(10 * KEEP_ALIVE).await;
        ask_all(&mut workers).await?;
        be_killed(&mut workers).await
    })
}

async fn ask_all(workers: &mut [Matcher]) -> Result<(), Box<dyn Error>> {
    let mut lost = 0;
    for worker in workers {
        match worker.ask("[0-9]", "7").await {
            Ok(answer) => println!("asked: {answer}"),
            Err(_) => {
                let status = worker.child().wait().await?;
                println!("asked: no answer, the worker ended by {status}");
                lost += 1;
            }
        }
    }
    if lost > 0 {
        return Err(format!("the service lives, and has lost {lost} workers").into());
    }
    Ok(())
}

/// Has the workers compute without end, and ends this process in the middle of that.
async fn be_killed(workers: &mut [Matcher]) -> Result<(), Box<dyn Error>> {
    let (pattern, text) = endless();
    for worker in workers {
        let busy = timeout(KEEP_ALIVE, worker.ask(&pattern, &text)).await;
        println!("a worker is busy: {}", busy.is_err());
    }
    Ok(raise(Signal::SIGKILL)?)
}

/// Runs the service in a process of its own. What it leaves behind comes here.
fn watch() -> Result<(), Box<dyn Error>> {
    prctl::set_child_subreaper(true)?;
    let mut service = Command::new("/proc/self/exe");
    let status = service.arg("--service").status()?;
    if status.signal() != Some(Signal::SIGKILL as i32) {
        return Err("the service was to be killed while its workers are busy".into());
    }
    let deadline = Instant::now() + PATIENCE;
    while !children()?.is_empty() {
        match waitpid(None, Some(WaitPidFlag::WNOHANG))? {
            WaitStatus::Signaled(_, signal, _) => println!("left behind: ended by {signal}"),
            WaitStatus::StillAlive if Instant::now() < deadline => {
                thread::sleep(Duration::from_millis(1));
            }
            WaitStatus::StillAlive => {
                println!("left behind: lives");
                for child in children()? {
                    kill(child, Signal::SIGKILL)?;
                    waitpid(child, None)?;
                }
            }
            other => println!("left behind: {other:?}"),
        }
    }
    Ok(())
}
