//! A solution: two buffers, each lent again when its reader is done with it.

use std::error::Error;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
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

// ANCHOR: solution
fn stream() -> Result<(), Box<dyn Error>> {
    let (chunks, to_reader) = io::pipe()?;
    let (done, to_writer) = io::pipe()?;
    // SAFETY: this process has one thread, so the child may do all that it may.
    match unsafe { fork() }? {
        ForkResult::Child => {
            drop((to_reader, done));
            let sum = add_up(chunks, to_writer);
            println!("sum={}", sum.unwrap_or_default());
            // SAFETY: `_exit` has no preconditions. `println!` has written its line.
            unsafe { libc::_exit(0) }
        }
        ForkResult::Parent { child } => {
            drop((chunks, to_writer));
            lend_all(to_reader, done)?;
            waitpid(child, None)?;
        }
    }
    Ok(())
}

fn lend_all(to_reader: PipeWriter, mut done: PipeReader) -> io::Result<()> {
    let mut buffers = [MmapMut::map_anon(CHUNK)?, MmapMut::map_anon(CHUNK)?];
    for number in 0..CHUNKS {
        let lent_before = number >= buffers.len();
        let buffer = &mut buffers[number % 2];
        if lent_before {
            // The reader says so of each chunk, in their order: this is the buffer's last.
            done.read_exact(&mut [0])?;
        }
        fill(buffer, number);
        lend(to_reader.try_clone()?.into(), buffer)?;
    }
    Ok(())
}

fn add_up(mut chunks: PipeReader, mut to_writer: PipeWriter) -> io::Result<u64> {
    // Something else comes first.
    sleep(Duration::from_millis(100));
    let mut chunk = vec![0; CHUNK];
    let mut sum = 0;
    for _ in 0..CHUNKS {
        chunks.read_exact(&mut chunk)?;
        // The writer may be gone: it waits for all chunks but the last two.
        let _ = to_writer.write(&[0]);
        sum += chunk.iter().map(|byte| u64::from(*byte)).sum::<u64>();
    }
    Ok(sum)
}
// ANCHOR_END: solution
