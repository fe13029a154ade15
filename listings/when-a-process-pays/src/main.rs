//! A text, compressed in five ways: by one thread, by two, and by two workers of each kind.

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use process_pool::{Pool, Slice, StartMethod, Tasks};
use sha2::{Digest, Sha256};
use when_a_process_pays::{
    Gain, TWO, by_threads, gzip, least, text_in_pieces, timed, two_cores_or_more,
};

/// Compresses a text in pieces, and prints what two threads gain, and what two workers
#[derive(Parser)]
struct Arguments {
    /// How much text, in MiB
    #[arg(long, value_name = "MIB", default_value = "64", value_parser = command_line::count::<1024>)]
    text: usize,

    /// How large a piece is, in KiB
    #[arg(long, value_name = "KIB", default_value = "1_024", value_parser = command_line::count::<1024>)]
    piece: usize,

    /// Where to write the gzip file, if anywhere
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

fn main() -> ExitCode {
    Tasks::new().add(compress).serve_if_worker();
    command_line::run(measure)
}

// ANCHOR: ways
/// The task: a piece of text, as a member of a gzip file.
fn compress(piece: Slice<u8>) -> Slice<u8> {
    gzip(&piece, 6).into()
}

type Members = Vec<Slice<u8>>;
type Way = fn(&[Slice<u8>]) -> process_pool::Result<Members>;

const WAYS: [(&str, Way); 5] = [
    ("one-thread", |text| {
        Ok(text.iter().cloned().map(compress).collect())
    }),
    ("two-threads", |text| Ok(by_threads(text, compress))),
    ("forked", |text| by_workers(StartMethod::Fork, text)),
    ("spawned", |text| by_workers(StartMethod::Spawn, text)),
    ("fork-served", |text| {
        by_workers(StartMethod::ForkServer, text)
    }),
];

/// From the start of two workers to the end of both.
fn by_workers(method: StartMethod, text: &[Slice<u8>]) -> process_pool::Result<Members> {
    let pool = Pool::builder(method).workers(TWO).start()?;
    pool.map(compress, text.iter().cloned())
}
// ANCHOR_END: ways

fn measure(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let cores = two_cores_or_more();
    let Arguments { text, piece, to } = arguments;
    let pieces = text_in_pieces((text << 10).div_ceil(piece), piece << 10);
    println!("{text} MiB of text in pieces of {piece} KiB, on {cores} cores");

    let mut seconds = [const { Vec::new() }; WAYS.len()];
    let mut files = [const { Vec::<u8>::new() }; WAYS.len()];
    // In turns: what changes on the machine meanwhile changes for every way.
    for _ in 0..5 {
        for (nth, (_, way)) in WAYS.iter().enumerate() {
            let (members, took) = timed(|| way(&pieces));
            seconds[nth].push(took);
            files[nth].clear();
            for member in members? {
                files[nth].extend_from_slice(&member);
            }
        }
    }
    for ((name, _), (took, file)) in WAYS.iter().zip(seconds.iter().zip(&files)) {
        let (best, gain) = (least(took), Gain::over(&seconds[0], took));
        let size = file.len() >> 10;
        let hash = &hex(&Sha256::digest(file))[..16];
        println!("{name:<11} {best:.3} s, {gain} times as fast; {size} KiB, SHA-256 {hash}…");
    }
    if let Some(to) = to {
        fs::write(to, &files[files.len() - 1])?;
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
