//! Your version: what it costs to send one byte, and each byte after it.

use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use command_line::grouped;
use mem_trace::trace;
use process_pool::{Pool, Slice, StartMethod, Tasks};

/// Sends from one byte to 16 MiB to a worker that only counts them
#[derive(Parser)]
struct Arguments {}

fn main() -> ExitCode {
    Tasks::new().add(count).serve_if_worker();
    command_line::run(|_: Arguments| measure())
}

fn count(bytes: Slice<u8>) -> usize {
    bytes.len()
}

fn measure() -> Result<(), Box<dyn Error>> {
    for bytes in [1, 1 << 10, 1 << 20, 16 << 20] {
        let data = Slice::from(vec![1; bytes]);
        let mut calls_s = Vec::new();
        for _ in 0..21 {
            let start = Instant::now();
            let pool = Pool::builder(StartMethod::Spawn).workers(1).start()?;
            let counted = pool.submit(count, data.clone())?.wait()?;
            calls_s.push(start.elapsed().as_secs_f64());
            assert_eq!(counted, bytes);
        }
        calls_s.sort_by(f64::total_cmp);
        let call_s = calls_s[calls_s.len() / 2];
        trace!(
            "{} bytes: call_us={:.1} ns_per_byte={:.3}",
            grouped(bytes),
            call_s * 1e6,
            call_s * 1e9 / bytes as f64
        );
    }
    Ok(())
}
