//! A solution: a file that is read in pieces, into one small buffer.

use std::error::Error;
use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use clap::Parser;
use mem_trace::trace;
use nix::sys::memfd::{MFdFlags, memfd_create};
use process_pool::{Descriptor, Pool, StartMethod, Tasks};

/// Has two workers add up the numbers in a file
#[derive(Parser)]
struct Arguments {}

/// 61 MiB of them.
const NUMBERS: usize = 8_000_000;

fn main() -> ExitCode {
    Tasks::new().add(add_up).serve_if_worker();
    command_line::run(|_: Arguments| add_up_in_workers())
}

fn add_up_in_workers() -> Result<(), Box<dyn Error>> {
    let file = Descriptor::from(file_of_numbers()?);
    let pool = Pool::builder(StartMethod::Spawn).workers(2).start()?;
    let halves = [0..NUMBERS / 2, NUMBERS / 2..NUMBERS];
    let mut total = 0;
    for sum in pool.map(add_up, halves.map(|range| (file.clone(), range)))? {
        total += sum?;
    }
    trace!("total={total}");
    Ok(())
}

/// A file that is in memory already, as one in the page cache is.
fn file_of_numbers() -> io::Result<OwnedFd> {
    let mut file = File::from(memfd_create(c"numbers", MFdFlags::MFD_CLOEXEC)?);
    for start in (0..NUMBERS as u64).step_by(PIECE) {
        let piece: Vec<u64> = (start..NUMBERS as u64).take(PIECE).collect();
        file.write_all(bytemuck::cast_slice(&piece))?;
    }
    Ok(file.into())
}

/// 1 MiB.
const PIECE: usize = 1 << 17;

/// The task: the sum of some of the numbers.
fn add_up((file, range): (Descriptor, Range<usize>)) -> Result<u64, String> {
    trace!("Adds up {} numbers", range.len());
    // So that the other worker has its turn.
    sleep(Duration::from_millis(200));
    let file = file.as_fd().try_clone_to_owned().map(File::from);
    let sum = file.and_then(|file| read_and_add_up(&file, range));
    sum.map_err(|error| format!("cannot read the numbers: {error}"))
}

// ANCHOR: solution
fn read_and_add_up(file: &File, range: Range<usize>) -> io::Result<u64> {
    let mut buffer = vec![0; PIECE];
    let mut sum = 0;
    for start in range.clone().step_by(PIECE) {
        let piece = &mut buffer[..PIECE.min(range.end - start)];
        let at = (start * size_of::<u64>()) as u64;
        file.read_exact_at(bytemuck::cast_slice_mut(piece), at)?;
        sum += piece.iter().sum::<u64>();
    }
    Ok(sum)
}
// ANCHOR_END: solution
