//! A solution: numbers that are made in the memory from which the workers read them.

use std::error::Error;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use clap::Parser;
use mem_trace::trace;
use memmap2::{MmapMut, MmapOptions};
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

// ANCHOR: solution
/// The numbers, in memory that nobody can change or shorten any more.
fn sealed_numbers() -> Result<OwnedFd, Box<dyn Error>> {
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let memory = File::from(memfd_create(c"numbers", flags)?);
    memory.set_len((NUMBERS * size_of::<u64>()) as u64)?;
    // SAFETY: no other process has the memory yet.
    let mut map = unsafe { MmapMut::map_mut(&memory) }?;
    let numbers: &mut [u64] = bytemuck::cast_slice_mut(&mut map);
    for (place, number) in numbers.iter_mut().zip(0..) {
        *place = number;
    }
    // As long as it can be written to through a map, F_SEAL_WRITE is refused: EBUSY.
    drop(map);
    let seals = SealFlag::F_SEAL_WRITE | SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW;
    fcntl(&memory, FcntlArg::F_ADD_SEALS(seals))?;
    Ok(memory.into())
}

/// The task: the sum of some of the numbers, where they lie.
fn add_up((memory, range): (Descriptor, Range<usize>)) -> Result<u64, String> {
    let seals = seals(&memory).map_err(|error| error.to_string())?;
    trace!("Adds up {} numbers, {seals:?}", range.len());
    // So that the other worker has its turn.
    sleep(Duration::from_millis(200));
    let map = map(&memory).map_err(|error| format!("cannot map the numbers: {error}"))?;
    let numbers: &[u64] = bytemuck::try_cast_slice(&map).map_err(|error| error.to_string())?;
    Ok(numbers[range].iter().sum())
}

fn map(memory: &Descriptor) -> io::Result<memmap2::Mmap> {
    // SAFETY: the memory is sealed before it is sent.
    unsafe { MmapOptions::new().map(memory) }
}
// ANCHOR_END: solution

/// What the memory is sealed against.
fn seals(memory: &Descriptor) -> nix::Result<SealFlag> {
    fcntl(memory, FcntlArg::F_GET_SEALS).map(SealFlag::from_bits_truncate)
}
