//! Your version: chunk after chunk, lent by vmsplice. Each is to be read as it was lent.

use std::error::Error;
use std::io::{self, PipeReader, PipeWriter, Read};
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use as_fast_as_memory::lend;
use clap::Parser;
use memmap2::MmapMut;
use nix::libc;
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, fork};

/// Lends chunk after chunk to another process by a pipe
#[derive(Parser)]
struct Arguments {}

/// A quarter of what a pipe has room for.
const CHUNK: usize = 16 << 10;
const CHUNKS: usize = 2048;

fn main() -> ExitCode {
    command_line::run(|_: Arguments| stream())
}

/// What is in a chunk.
fn fill(chunk: &mut [u8], number: usize) {
    chunk.fill((number % 251) as u8);
}

fn stream() -> Result<(), Box<dyn Error>> {
    let (chunks, to_reader) = io::pipe()?;
    // SAFETY: this process has one thread, so the child may do all that it may.
    match unsafe { fork() }? {
        ForkResult::Child => {
            drop(to_reader);
            println!("sum={}", add_up(chunks).unwrap_or_default());
            // SAFETY: `_exit` has no preconditions. `println!` has written its line.
            unsafe { libc::_exit(0) }
        }
        ForkResult::Parent { child } => {
            drop(chunks);
            lend_all(to_reader)?;
            waitpid(child, None)?;
        }
    }
    Ok(())
}

fn lend_all(to_reader: PipeWriter) -> io::Result<()> {
    let mut buffer = MmapMut::map_anon(CHUNK)?;
    for number in 0..CHUNKS {
        fill(&mut buffer, number);
        lend(to_reader.try_clone()?.into(), &buffer)?;
    }
    Ok(())
}

fn add_up(mut chunks: PipeReader) -> io::Result<u64> {
    // Something else comes first.
    sleep(Duration::from_millis(100));
    let mut chunk = vec![0; CHUNK];
    let mut sum = 0;
    for _ in 0..CHUNKS {
        chunks.read_exact(&mut chunk)?;
        sum += chunk.iter().map(|byte| u64::from(*byte)).sum::<u64>();
    }
    Ok(sum)
}
