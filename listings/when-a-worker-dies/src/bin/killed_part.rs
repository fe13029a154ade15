//! A sum in eight parts. A worker is killed in the middle of the fifth.

use std::error::Error;
use std::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use nix::sys::signal::{Signal, raise};
use process_pool::{Pool, StartMethod, Tasks};
use serde::{Deserialize, Serialize};
use when_a_worker_dies::{is_first, print_event};

const NUMBERS: u64 = 8_000_000;
const PARTS: u64 = 8;

// ANCHOR: task
/// What a worker is asked for.
#[derive(Serialize, Deserialize)]
struct Part {
    numbers: Range<u64>,
    kills: Kills,
}

#[derive(Serialize, Deserialize)]
enum Kills {
    Nobody,
    /// The worker that has it first, and leaves this file.
    First(PathBuf),
    /// Each worker that has it.
    Everyone,
}

/// The task: it has no effect but its result.
fn add_up(part: Part) -> u64 {
    let kills = match part.kills {
        Kills::Nobody => false,
        Kills::First(mark) => is_first(&mark),
        Kills::Everyone => true,
    };
    let middle = part.numbers.start.midpoint(part.numbers.end);
    let mut sum = 0;
    for number in part.numbers {
        if kills && number == middle {
            let _ = raise(Signal::SIGKILL);
        }
        sum += number;
    }
    sum
}
// ANCHOR_END: task

fn main() -> ExitCode {
    Tasks::new().add(add_up).serve_if_worker();
    command_line::run(sum)
}

// ANCHOR: sum
fn sum(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let pool = Pool::builder(arguments.method)
        .workers(2)
        .retries(arguments.retries)
        .on_event(print_event)
        .start()?;
    let parts = (0..PARTS).map(|part| Part {
        numbers: part * NUMBERS / PARTS..(part + 1) * NUMBERS / PARTS,
        kills: match part {
            4 if arguments.poison => Kills::Everyone,
            4 => Kills::First(folder.path().join("killed")),
            _ => Kills::Nobody,
        },
    });
    let sums = pool.map(add_up, parts)?;
    println!(
        "the sum of {} parts is {}",
        sums.len(),
        sums.iter().sum::<u64>()
    );
    Ok(())
}
// ANCHOR_END: sum

/// Sums the numbers below eight million in workers, of which one is killed
#[derive(Parser)]
struct Arguments {
    /// How the workers come to be: fork, spawn or fork-server
    #[arg(default_value = "spawn")]
    method: StartMethod,

    /// How often a part that lost its worker runs again
    #[arg(long, value_name = "N", default_value_t = 0)]
    retries: usize,

    /// The fifth part kills each worker that takes it
    #[arg(long)]
    poison: bool,
}
