//! The same bytes, handed to tasks that do more and more with each.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use process_pool::{Pool, Slice, StartMethod, Tasks};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use when_a_process_pays::{
    TWO, by_threads, gzip, spread, text_in_pieces, timed, two_cores_or_more,
};

/// Hands the same text to seven tasks, and prints from which on two workers gain
#[derive(Parser)]
struct Arguments {
    /// How much text, in MiB
    #[arg(long, value_name = "MIB", default_value = "32", value_parser = command_line::count::<1024>)]
    text: usize,

    /// How large a piece is, in KiB
    #[arg(long, value_name = "KIB", default_value = "1_024", value_parser = command_line::count::<1024>)]
    piece: usize,
}

fn main() -> ExitCode {
    Tasks::new().add(work).serve_if_worker();
    command_line::run(measure)
}

// ANCHOR: work
#[derive(Clone, Copy, Serialize, Deserialize)]
enum Work {
    Sum,
    Crc32,
    Sha256,
    Words,
    Gzip(u32),
}

const WORKS: [(&str, Work); 7] = [
    ("sum", Work::Sum),
    ("crc32", Work::Crc32),
    ("sha256", Work::Sha256),
    ("words", Work::Words),
    ("gzip-1", Work::Gzip(1)),
    ("gzip-6", Work::Gzip(6)),
    ("gzip-9", Work::Gzip(9)),
];

/// The task: a number that depends on each byte of the piece.
fn work((work, piece): (Work, Slice<u8>)) -> u64 {
    match work {
        Work::Sum => piece
            .iter()
            .fold(0, |sum: u64, byte| sum.wrapping_add((*byte).into())),
        Work::Crc32 => crc32fast::hash(&piece).into(),
        Work::Sha256 => Sha256::digest(&*piece)
            .iter()
            .fold(0, |hash, byte| hash << 8 | u64::from(*byte)),
        Work::Words => piece.split(|byte| *byte == b' ').count() as u64,
        // No error: a length of 0 would be none that the other ways have.
        Work::Gzip(level) => gzip(&piece, level).map_or(0, |member| member.len() as u64),
    }
}
// ANCHOR_END: work

/// What the rounds have shown of one task.
#[derive(Default)]
struct Seen {
    ns_per_byte: Vec<f64>,
    threads: Vec<f64>,
    workers: Vec<f64>,
}

fn measure(Arguments { text, piece }: Arguments) -> Result<(), Box<dyn Error>> {
    let cores = two_cores_or_more();
    let pieces = text_in_pieces((text << 10).div_ceil(piece), piece << 10);
    println!("{text} MiB of text in pieces of {piece} KiB, on {cores} cores, two spawned workers");
    let pool = Pool::builder(StartMethod::Spawn).workers(TWO).start()?;

    let mut seen = WORKS.map(|_| Seen::default());
    for _ in 0..5 {
        for (seen, (_, kind)) in seen.iter_mut().zip(WORKS) {
            let arguments: Vec<_> = pieces.iter().map(|piece| (kind, piece.clone())).collect();
            let (alone, one) = timed(|| arguments.iter().cloned().map(work).collect::<Vec<_>>());
            let (threads, by_two) = timed(|| by_threads(&arguments, work));
            let (workers, by_workers) = timed(|| pool.map(work, arguments.iter().cloned()));
            if threads != alone || workers? != alone {
                return Err("expected the same numbers from each way".into());
            }
            seen.ns_per_byte
                .push(one * 1e9 / (pieces.len() * (piece << 10)) as f64);
            seen.threads.push(one / by_two);
            seen.workers.push(one / by_workers);
        }
    }
    print(seen.map(|seen| [seen.ns_per_byte, seen.threads, seen.workers].map(spread)));
    Ok(())
}

/// A line for each task, the lightest first.
fn print(seen: [[[f64; 3]; 3]; WORKS.len()]) {
    let mut lines: Vec<_> = WORKS.iter().map(|(name, _)| name).zip(seen).collect();
    lines.sort_by(|(_, a), (_, b)| a[0][1].total_cmp(&b[0][1]));
    let lightest = lines[0].1[0][1];
    for (name, [ns, threads, workers]) in &lines {
        println!(
            "{name:<7} {:7.3} ns a byte, {:4.1} doublings; threads {} workers {}",
            ns[1],
            (ns[1] / lightest).log2(),
            times(threads),
            times(workers),
        );
    }
    // Between the last task that loses and the first that gains, on a line through both.
    let crossing = lines.windows(2).find_map(|pair| {
        let [(_, [a, _, slower]), (_, [b, _, faster])] = pair else {
            return None;
        };
        let part = -slower[1].ln() / (faster[1] / slower[1]).ln();
        (slower[1] < 1.0 && faster[1] >= 1.0).then(|| a[1] * (b[1] / a[1]).powf(part))
    });
    match crossing {
        Some(ns) => println!("two workers break even at {ns:.3} ns a byte"),
        None => println!("two workers break even nowhere"),
    }
}

fn times([least, median, most]: &[f64; 3]) -> String {
    format!("{median:.2} ({least:.2} to {most:.2})")
}
