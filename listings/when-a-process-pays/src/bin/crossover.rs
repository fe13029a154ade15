//! The same bytes, handed to tasks that do more and more with each.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use process_pool::{Pool, Slice, StartMethod, Tasks};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use when_a_process_pays::{
    Gain, TWO, by_threads, gzip, least, text_in_pieces, timed, two_cores_or_more,
};

/// Hands the same text to seven tasks, and prints where two workers begin to gain
#[derive(Parser)]
struct Arguments {
    /// How much text, in MiB
    #[arg(long, value_name = "MIB", default_value = "8", value_parser = command_line::count::<1024>)]
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
        Work::Gzip(level) => gzip(&piece, level).len() as u64,
    }
}
// ANCHOR_END: work

/// What is seen of one task: its work, and how many times as fast two of them are.
struct Seen {
    name: &'static str,
    ns_per_byte: f64,
    threads: Gain,
    workers: Gain,
}

fn measure(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let cores = two_cores_or_more();
    let Arguments { text, piece } = arguments;
    let pieces = text_in_pieces((text << 10).div_ceil(piece), piece << 10);
    let bytes: usize = pieces.iter().map(|piece| piece.len()).sum();
    println!("{text} MiB of text in pieces of {piece} KiB, on {cores} cores");

    // Up before the clock runs: their start is in no time below, as that of the threads is.
    let pool = Pool::builder(StartMethod::Spawn).workers(TWO).start()?;
    let mut seconds = WORKS.map(|_| [const { Vec::new() }; 3]);
    for _ in 0..7 {
        for ((_, kind), [alone, threads, workers]) in WORKS.into_iter().zip(&mut seconds) {
            let arguments: Vec<_> = pieces.iter().map(|piece| (kind, piece.clone())).collect();
            let (right, one_thread) =
                timed(|| arguments.iter().cloned().map(work).collect::<Vec<_>>());
            let (by_threads, two_threads) = timed(|| by_threads(&arguments, work));
            let (by_workers, two_workers) = timed(|| pool.map(work, arguments.iter().cloned()));
            if by_threads != right || by_workers? != right {
                return Err("expected the same numbers from each way".into());
            }
            alone.push(one_thread);
            threads.push(two_threads);
            workers.push(two_workers);
        }
    }
    let mut seen: Vec<Seen> = WORKS
        .into_iter()
        .zip(&seconds)
        .map(|((name, _), [alone, threads, workers])| Seen {
            name,
            ns_per_byte: least(alone) * 1e9 / bytes as f64,
            threads: Gain::over(alone, threads),
            workers: Gain::over(alone, workers),
        })
        .collect();
    seen.sort_by(|a, b| a.ns_per_byte.total_cmp(&b.ns_per_byte));
    print(&seen);
    Ok(())
}

/// Where the scale of the work begins, in ns a byte: the same on every machine.
const ORIGIN: f64 = 0.01;

/// How many times `ORIGIN` has to be doubled to make this work.
fn doublings(ns_per_byte: f64) -> f64 {
    (ns_per_byte / ORIGIN).log2()
}

/// A line for each task, the lightest first.
fn print(seen: &[Seen]) {
    for task in seen {
        let Seen {
            name,
            threads,
            workers,
            ..
        } = task;
        let work = task.ns_per_byte;
        let doublings = doublings(work);
        println!(
            "{name:<6} {work:7.3} ns a byte, {doublings:4.1} doublings; \
             threads {threads}, workers {workers}"
        );
    }
    match seen
        .windows(2)
        .find_map(|pair| break_even(&pair[0], &pair[1]))
    {
        Some(work) => println!(
            "two workers break even at {work:.3} ns a byte, {:.1} doublings",
            doublings(work)
        ),
        None => println!("two workers break even nowhere"),
    }
}

/// Where the line from one task to the next crosses 1, both axes logarithmic.
fn break_even(light: &Seen, heavy: &Seen) -> Option<f64> {
    let [from, to] = [light, heavy].map(|seen| seen.workers.best.ln());
    let [light, heavy] = [light, heavy].map(|seen| seen.ns_per_byte);
    (from < 0.0 && to >= 0.0).then(|| light * (heavy / light).powf(from / (from - to)))
}
