//! A pool that is started above the guard.

use std::process::ExitCode;

use clap::Parser;
use mem_trace::trace;
use module_state::append_to_list;
use process_pool::{Pool, StartMethod, Tasks};

// ANCHOR: above
fn main() -> ExitCode {
    trace!("Starts a pool");
    let pool = Pool::builder(StartMethod::Spawn).workers(2).start();
    // Too late: a spawned worker comes to the line above before it comes to this one.
    Tasks::new().add(append_to_list).serve_if_worker();
    command_line::run(|_: Arguments| pool?.map(append_to_list, 1..=2).map(drop))
}
// ANCHOR_END: above

/// Starts a pool where a spawned worker would start one as well
#[derive(Parser)]
struct Arguments {}
