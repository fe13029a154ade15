//! Two workers that do not end: one is stopped, the other never comes to its end.

use std::error::Error;
use std::hint;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use mem_trace::name;
use nix::sys::signal::{Signal, raise};
use process_pool::{Pool, StartMethod, Tasks};
use when_a_worker_dies::{is_first, print_event};

/// The first worker that has it is stopped; the one that comes to the end says who it is.
fn stop_once(mark: PathBuf) -> String {
    if is_first(&mark) {
        let _ = raise(Signal::SIGSTOP);
    }
    name()
}

/// No worker that has it comes to the end.
fn loop_for_ever(_: ()) {
    while hint::black_box(true) {
        hint::spin_loop();
    }
}

fn main() -> ExitCode {
    Tasks::new()
        .add(stop_once)
        .add(loop_for_ever)
        .serve_if_worker();
    command_line::run(|arguments: Arguments| match arguments.deadline_ms {
        Some(deadline) => with_deadline(Duration::from_millis(deadline)),
        None => without_deadline(),
    })
}

fn with_deadline(deadline: Duration) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let pool = Pool::builder(StartMethod::Spawn)
        .workers(1)
        .deadline(deadline)
        .retries(1)
        .on_event(print_event)
        .start()?;
    let stopped = pool.submit(stop_once, folder.path().join("stopped"))?;
    println!("done by {}", stopped.wait()?);
    pool.submit(loop_for_ever, ())?.wait()?;
    Ok(())
}

fn without_deadline() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let pool = Pool::builder(StartMethod::Spawn)
        .workers(1)
        .on_event(print_event)
        .start()?;
    let stopped = pool.submit(stop_once, folder.path().join("stopped"))?;
    match stopped.wait_timeout(Duration::from_millis(500)) {
        Ok(result) => println!("done by {}", result?),
        Err(task) => {
            println!("after half a second: no result, no error");
            task.cancel();
        }
    }
    Ok(())
}

/// Has a worker stopped in the middle of a task, and another one loop for ever
#[derive(Parser)]
struct Arguments {
    /// How long a worker may take for a call
    #[arg(long, value_name = "MILLISECONDS")]
    deadline_ms: Option<u64>,
}
