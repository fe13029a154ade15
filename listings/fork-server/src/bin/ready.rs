//! Workers that make the table for themselves.

use std::process::ExitCode;

use clap::Parser;
use fork_server::{count_primes, ready};
use process_pool::{StartMethod, Tasks};

fn main() -> ExitCode {
    Tasks::new().add(count_primes).serve_if_worker();
    command_line::run(|arguments: Arguments| ready(arguments.method))
}

/// Measures how long it takes until four workers have made a table and answered
#[derive(Parser)]
struct Arguments {
    /// How the workers come to be: fork, spawn or fork-server
    #[arg(default_value = "fork-server")]
    method: StartMethod,
}
