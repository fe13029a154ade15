//! Your version: two workers are to add up a text without being sent it.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use process_pool::{Pool, Slice, StartMethod, Tasks};
use when_a_process_pays::{TWO, text_in_pieces};

/// Adds up the bytes of a text of 32 MiB by two workers
#[derive(Parser)]
struct Arguments {}

fn sum(bytes: &[u8]) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte)).sum()
}

/// The task: a part of the text comes with the call.
fn sum_of_part(part: Slice<u8>) -> u64 {
    sum(&part)
}

fn add_up() -> Result<(), Box<dyn Error>> {
    let text = text_in_pieces(1, 32 << 20).remove(0);
    let pool = Pool::builder(StartMethod::Fork).workers(TWO).start()?;
    let half = text.len() / 2;
    let parts = [text.part(0..half), text.part(half..text.len())];
    let sum_by_workers: u64 = pool.map(sum_of_part, parts)?.into_iter().sum();
    println!("by two workers: {sum_by_workers}");
    println!("by one thread: {}", sum(&text));
    Ok(())
}

fn main() -> ExitCode {
    Tasks::new().add(sum_of_part).serve_if_worker();
    command_line::run(|_: Arguments| add_up())
}
