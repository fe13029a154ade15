//! A fork server that has the table ready for its workers.

use std::process::ExitCode;

use clap::Parser;
use fork_server::{count_primes, ready, table};
use process_pool::{StartMethod, Tasks};

// ANCHOR: main
fn main() -> ExitCode {
    // Above the guard: once in the parent, once in a fork server, and in each spawned worker.
    table();
    Tasks::new().add(count_primes).serve_if_worker();
    command_line::run(|arguments: Arguments| ready(arguments.method))
}
// ANCHOR_END: main

/// Measures how long it takes until four workers that find a table ready have answered
#[derive(Parser)]
struct Arguments {
    /// How the workers come to be: fork, spawn or fork-server
    #[arg(default_value = "fork-server")]
    method: StartMethod,
}
