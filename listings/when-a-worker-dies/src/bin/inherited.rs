//! A forked worker has what its parent had in memory. The one that takes its place?

use std::error::Error;
use std::process::ExitCode;
use std::sync::OnceLock;

use clap::Parser;
use mem_trace::name;
use nix::sys::signal::{Signal, raise};
use process_pool::{Pool, StartMethod, Tasks};
use when_a_worker_dies::print_event;

/// Filled by the parent alone, before it forks.
static NUMBERS: OnceLock<Vec<u64>> = OnceLock::new();

/// A task that needs what the parent has.
fn count(_: ()) -> String {
    match NUMBERS.get() {
        Some(numbers) => format!("{} has inherited {} numbers", name(), numbers.len()),
        None => format!("{} has inherited nothing", name()),
    }
}

fn die(_: ()) {
    let _ = raise(Signal::SIGKILL);
}

fn main() -> ExitCode {
    Tasks::new().add(count).add(die).serve_if_worker();
    command_line::run(ask)
}

fn ask(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    NUMBERS.get_or_init(|| (0..1000).collect());
    let mut pool = Pool::builder(StartMethod::Fork)
        .workers(1)
        .on_event(print_event);
    if arguments.without_replacement {
        pool = pool.without_replacement();
    }
    let pool = pool.start()?;
    println!("{}", pool.submit(count, ())?.wait()?);
    if let Err(error) = pool.submit(die, ())?.wait() {
        println!("{error}");
    }
    println!("{}", pool.submit(count, ())?.wait()?);
    Ok(())
}

/// Asks a forked worker what it has inherited, then the one that takes its place
#[derive(Parser)]
struct Arguments {
    /// Let a lost worker's place stay empty
    #[arg(long)]
    without_replacement: bool,
}
