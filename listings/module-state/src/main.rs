//! A list at module level: changed by the parent, then by two workers.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use mem_trace::{check_output, trace};
use module_state::{LIST, append, append_to_list, list, module_scope};
use process_pool::{Pool, StartMethod, Tasks};

// ANCHOR: main
fn main() -> ExitCode {
    module_scope();
    // A spawned worker gets this far, and no farther.
    Tasks::new().add(append_to_list).serve_if_worker();
    command_line::run(run)
}

fn run(Arguments { method }: Arguments) -> Result<(), Box<dyn Error>> {
    trace!("Start subprocesses with the '{method}' method");
    append("Parent process update");

    let pool = Pool::builder(method).workers(2).start()?;
    pool.map(append_to_list, 1..=2)?;
    drop(pool);

    trace!("List(id: {:p}) finally: {:?}", &LIST, list());
    Ok(check_output()?)
}
// ANCHOR_END: main

/// Changes one list in a parent and in two workers, and shows who sees which change
#[derive(Parser)]
struct Arguments {
    /// How the workers come to be: fork, spawn or fork-server
    #[arg(default_value = "fork")]
    method: StartMethod,
}
