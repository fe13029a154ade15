//! A worker that is to end with its service, and the thread that started it.

use std::error::Error;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{self, Command, ExitCode};
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use nix::sys::prctl;
use nix::sys::signal::{Signal, raise};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::gettid;
use tokio::runtime::Builder;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};
use under_tokio::endless;
use under_tokio::matcher::{Matcher, serve_if_matcher};

/// Starts a worker that ends with its parent, by one thread of the service or another
#[derive(Parser)]
struct Arguments {
    /// The thread that starts it
    #[arg(value_enum)]
    thread: Thread,
    /// Be the service, not the one that watches it
    #[arg(long, hide = true)]
    service: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Thread {
    /// One that tokio keeps for calls that block
    Blocking,
    /// The one that runs `main`
    Main,
}

/// How long a thread for blocking calls stays without one. Unless told, tokio takes 10 s.
const KEEP_ALIVE: Duration = Duration::from_millis(100);
/// Beyond this something is stuck.
const PATIENCE: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    serve_if_matcher().unwrap_or_else(|| {
        command_line::run(|arguments: Arguments| {
            if arguments.service {
                serve(arguments.thread)
            } else {
                watch(arguments.thread)
            }
        })
    })
}

fn serve(thread: Thread) -> Result<(), Box<dyn Error>> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .thread_keep_alive(KEEP_ALIVE)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        // ANCHOR: start
        let start = || Matcher::start_with_parent().map(|worker| (worker, gettid()));
        let (mut worker, starter) = match thread {
            Thread::Main => start()?,
            Thread::Blocking => spawn_blocking(start).await??,
        };
        // ANCHOR_END: start
        println!("asked at once: {}", worker.ask("[0-9]", "7").await?);

        let starter = format!("/proc/self/task/{starter}");
        let _ = timeout(10 * KEEP_ALIVE, until_gone(&starter)).await;
        println!("the thread that started the worker: {}", lives(&starter));
        match worker.ask("[0-9]", "7").await {
            Ok(answer) => println!("asked once more: {answer}"),
            Err(_) => {
                let status = worker.child().wait().await?;
                println!("asked once more: no answer, the worker ended by {status}");
                process::exit(1);
            }
        }

        let (pattern, text) = endless();
        let busy = timeout(KEEP_ALIVE, worker.ask(&pattern, &text)).await;
        println!("the worker is busy: {}", busy.is_err());
        // Nobody can do anything for the worker any more.
        raise(Signal::SIGKILL)?;
        Ok(())
    })
}

async fn until_gone(thread: &str) {
    while Path::new(thread).exists() {
        sleep(Duration::from_millis(1)).await;
    }
}

fn lives(thread: &str) -> &'static str {
    if Path::new(thread).exists() {
        "lives"
    } else {
        "has ended"
    }
}

/// Runs the service in a process of its own. What it leaves behind comes here.
fn watch(thread: Thread) -> Result<(), Box<dyn Error>> {
    prctl::set_child_subreaper(true)?;
    let name = thread
        .to_possible_value()
        .ok_or("a thread without a name")?;
    let status = Command::new("/proc/self/exe")
        .args([name.get_name(), "--service"])
        .status()?;
    if status.signal() != Some(Signal::SIGKILL as i32) {
        return Err("the service lost its worker".into());
    }
    println!("the service was killed; its worker: {}", orphan()?);
    Ok(())
}

/// How the one orphan ended.
fn orphan() -> io::Result<String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG))? {
            WaitStatus::StillAlive if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(1));
            }
            WaitStatus::StillAlive => return Ok("lives".to_string()),
            WaitStatus::Signaled(_, signal, _) => return Ok(format!("ended by {signal}")),
            other => return Ok(format!("{other:?}")),
        }
    }
}
