//! Your version: numbers for two workers, in sealed memory. No process is to need more than
//! 16 MiB of its own for them.

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
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use process_pool::{Descriptor, Pool, StartMethod, Tasks};

/// Has two workers add up numbers that no process has room for in memory of its own
#[derive(Parser)]
struct Arguments {}

/// 61 MiB of them.
const NUMBERS: usize = 8_000_000;

fn main() -> ExitCode {
    Tasks::new().add(add_up).serve_if_worker();
    command_line::run(|_: Arguments| add_up_in_workers())
}

fn add_up_in_workers() -> Result<(), Box<dyn Error>> {
    let memory = Descriptor::from(sealed_numbers()?);
    let pool = Pool::builder(StartMethod::Spawn).workers(2).start()?;
    let halves = [0..NUMBERS / 2, NUMBERS / 2..NUMBERS];
    let tasks = halves.map(|range| (memory.clone(), range));
    let mut total = 0;
    for sum in pool.map(add_up, tasks)? {
        total += sum?;
    }
    trace!("total={total}");
    Ok(())
}

/// The numbers, in memory that nobody can change or shorten any more.
fn sealed_numbers() -> Result<OwnedFd, Box<dyn Error>> {
    let numbers: Vec<u64> = (0..).take(NUMBERS).collect();
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let mut memory = File::from(memfd_create(c"numbers", flags)?);
    memory.write_all(bytemuck::cast_slice(&numbers))?;
    let seals = SealFlag::F_SEAL_WRITE | SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW;
    fcntl(&memory, FcntlArg::F_ADD_SEALS(seals))?;
    Ok(memory.into())
}

/// The task: the sum of some of the numbers.
fn add_up((memory, range): (Descriptor, Range<usize>)) -> Result<u64, String> {
    let seals = seals(&memory).map_err(|error| error.to_string())?;
    trace!("Adds up {} numbers, {seals:?}", range.len());
    // So that the other worker has its turn.
    sleep(Duration::from_millis(200));
    let numbers = read(&memory, range).map_err(|error| error.to_string())?;
    Ok(numbers.iter().sum())
}

/// Some of the numbers, copied out of the memory.
fn read(memory: &Descriptor, range: Range<usize>) -> io::Result<Vec<u64>> {
    let mut numbers = vec![0; range.len()];
    let bytes = bytemuck::cast_slice_mut(&mut numbers);
    let file = File::from(memory.as_fd().try_clone_to_owned()?);
    file.read_exact_at(bytes, (range.start * size_of::<u64>()) as u64)?;
    Ok(numbers)
}

/// What the memory is sealed against.
fn seals(memory: &Descriptor) -> nix::Result<SealFlag> {
    fcntl(memory, FcntlArg::F_GET_SEALS).map(SealFlag::from_bits_truncate)
}
