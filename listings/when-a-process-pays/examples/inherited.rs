//! A solution: a forked worker has the text already; it is sent which half to add up.

use std::error::Error;
use std::ops::Range;
use std::process::ExitCode;
use std::sync::OnceLock;

use clap::Parser;
use process_pool::{Pool, Slice, StartMethod, Tasks};
use when_a_process_pays::{Gain, TWO, text_in_pieces, timed, two_cores_or_more};

/// Adds up the bytes of a text by two workers, which are sent its halves, then only where they are
#[derive(Parser)]
struct Arguments {
    /// How much text, in MiB
    #[arg(long, value_name = "MIB", default_value = "64", value_parser = command_line::count::<1024>)]
    text: usize,
}

fn main() -> ExitCode {
    Tasks::new()
        .add(sum)
        .add(sum_of_inherited)
        .serve_if_worker();
    command_line::run(measure)
}

// ANCHOR: solution
static TEXT: OnceLock<Slice<u8>> = OnceLock::new();

fn sum(text: Slice<u8>) -> u64 {
    text.iter()
        .fold(0, |sum, byte| sum.wrapping_add((*byte).into()))
}

fn sum_of_inherited(part: Range<usize>) -> Option<u64> {
    TEXT.get().map(|text| sum(text.part(part)))
}

fn measure(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    two_cores_or_more();
    let text = TEXT.get_or_init(|| text_in_pieces(1, arguments.text << 20).remove(0));
    // After the text is there, and while the program has one thread.
    let pool = Pool::builder(StartMethod::Fork).workers(TWO).start()?;
    let half = text.len() / 2;
    let halves = [0..half, half..text.len()];

    let [mut alone, mut sent, mut inherited] = [const { Vec::new() }; 3];
    for _ in 0..9 {
        let (right, took) = timed(|| sum(text.clone()));
        alone.push(took);
        let parts = halves.iter().map(|half| text.part(half.clone()));
        let (sums, took) = timed(|| pool.map(sum, parts));
        sent.push(took);
        let all = sums?.iter().sum::<u64>() == right;
        let (sums, took) = timed(|| pool.map(sum_of_inherited, halves.clone()));
        inherited.push(took);
        if !all || sums?.into_iter().sum::<Option<u64>>() != Some(right) {
            return Err("expected the same sum from each way".into());
        }
    }
    println!(
        "sent: {} times as fast as one thread",
        Gain::over(&alone, &sent)
    );
    println!(
        "inherited: {} times as fast",
        Gain::over(&alone, &inherited)
    );
    Ok(())
}
// ANCHOR_END: solution
