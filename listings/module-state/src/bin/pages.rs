//! Whose page the list's is, before a worker's update and after it.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use mem_trace::{check_output, trace};
use module_state::{LIST, append, append_to_list, list, module_scope, page};
use process_pool::{Pool, StartMethod, Tasks};

// ANCHOR: look
/// The task again, and whose page the list's is: as the fork left it, when the list has
/// been locked and nothing else, and when an update has been made.
fn append_and_look(count: u64) {
    look("before the update");
    drop(list());
    look("after a lock");
    append_to_list(count);
    look("after the update");
}
// ANCHOR_END: look

fn look(when: &str) {
    let whose = match page::is_own(&LIST) {
        Ok(true) => "this process's alone",
        Ok(false) => "shared with another process",
        Err(_) => "unknown: this system does not tell",
    };
    trace!("The page of the list at {:p} {when}: {whose}", &LIST);
}

fn main() -> ExitCode {
    module_scope();
    Tasks::new().add(append_and_look).serve_if_worker();
    command_line::run(run)
}

fn run(Arguments { method }: Arguments) -> Result<(), Box<dyn Error>> {
    trace!("Start subprocesses with the '{method}' method");
    look("before the update");
    append("Parent process update");
    look("after the update");

    let pool = Pool::builder(method).workers(2).start()?;
    look("while the workers live");
    pool.map(append_and_look, 1..=2)?;
    look("when both have updated theirs");
    drop(pool);

    trace!("List(id: {:p}) finally: {:?}", &LIST, list());
    Ok(check_output()?)
}

/// Shows whose page of memory the list is on, in a parent and in two workers
#[derive(Parser)]
struct Arguments {
    /// How the workers come to be: fork, spawn or fork-server
    #[arg(default_value = "fork")]
    method: StartMethod,
}
