//! A task that fails, and a parent that reads its result or does not.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use mem_trace::{check_output, trace};
use module_state::{LIST, append, list, module_scope};
use process_pool::{Pool, StartMethod, Tasks};

// ANCHOR: fail
/// A task with a mistake in it, for one of its arguments.
fn append_or_fail(count: u64) {
    assert!(count != 2, "no update {count} today");
    append(&format!("Child process {count} update"));
}
// ANCHOR_END: fail

fn main() -> ExitCode {
    module_scope();
    Tasks::new().add(append_or_fail).serve_if_worker();
    command_line::run(run)
}

fn run(Arguments { method, unread }: Arguments) -> Result<(), Box<dyn Error>> {
    trace!("Start subprocesses with the '{method}' method");
    append("Parent process update");

    let pool = Pool::builder(method).workers(2).start()?;
    if unread {
        leave_unread(&pool)?;
    } else {
        read(&pool)?;
    }
    drop(pool);

    trace!("List(id: {:p}) finally: {:?}", &LIST, list());
    Ok(check_output()?)
}

// ANCHOR: unread
/// The calls are made. Their results are there, and nobody takes them.
fn leave_unread(pool: &Pool) -> Result<(), process_pool::Error> {
    for count in 1..=2 {
        drop(pool.submit(append_or_fail, count)?);
    }
    Ok(())
}
// ANCHOR_END: unread

// ANCHOR: read
/// The same calls, and each result is waited for.
fn read(pool: &Pool) -> Result<(), process_pool::Error> {
    let tasks = [
        pool.submit(append_or_fail, 1)?,
        pool.submit(append_or_fail, 2)?,
    ];
    for task in tasks {
        task.wait()?;
    }
    Ok(())
}
// ANCHOR_END: read

/// Has one of two workers fail
#[derive(Parser)]
struct Arguments {
    /// How the workers come to be: fork, spawn or fork-server
    #[arg(default_value = "fork")]
    method: StartMethod,

    /// Drop the results unread
    #[arg(long)]
    unread: bool,
}
