//! A solution: workers that have the text already, and too little memory to be sent it.

use std::error::Error;
use std::ops::Range;
use std::process::ExitCode;
use std::sync::OnceLock;

use clap::Parser;
use process_pool::{Pool, Slice, StartMethod, Tasks};
use when_a_process_pays::{TWO, text_in_pieces};

/// Adds up the bytes of a text of 32 MiB by two workers
#[derive(Parser)]
struct Arguments {}

// ANCHOR: solution
static TEXT: OnceLock<Slice<u8>> = OnceLock::new();

fn sum(bytes: &[u8]) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte)).sum()
}

/// The task: only the place of the bytes is sent.
fn sum_of_part(part: Range<usize>) -> Option<u64> {
    TEXT.get().map(|text| sum(&text[part]))
}

fn add_up() -> Result<(), Box<dyn Error>> {
    let text = TEXT.get_or_init(|| text_in_pieces(1, 32 << 20).remove(0));
    // Behind the text, so that each worker has it from the start.
    let pool = Pool::builder(StartMethod::Fork).workers(TWO).start()?;
    let half = text.len() / 2;
    let sums = pool.map(sum_of_part, [0..half, half..text.len()])?;
    let sum_by_workers: Option<u64> = sums.into_iter().sum();
    println!("by two workers: {}", sum_by_workers.ok_or("no text")?);
    println!("by one thread: {}", sum(text));
    Ok(())
}
// ANCHOR_END: solution

fn main() -> ExitCode {
    Tasks::new().add(sum_of_part).serve_if_worker();
    command_line::run(|_: Arguments| add_up())
}
