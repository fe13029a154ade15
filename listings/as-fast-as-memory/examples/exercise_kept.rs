//! Your version: two workers add up the same numbers again and again. Each page is to be entered
//! into a worker's page table once, and not in each round.

use std::error::Error;
use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::process::ExitCode;

use clap::Parser;
use mem_trace::trace;
use memmap2::Mmap;
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use process_pool::{Descriptor, Pool, StartMethod, Tasks};

/// Has two workers add up the same numbers sixteen times
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
    for round in 1..=16 {
        let halves = [0..NUMBERS / 2, NUMBERS / 2..NUMBERS];
        let mut total = 0;
        for sum in pool.map(add_up, halves.map(|range| (memory.clone(), range)))? {
            total += sum?;
        }
        trace!("round {round}: total={total}");
    }
    Ok(())
}

/// The numbers, in memory that nobody can change or shorten any more.
fn sealed_numbers() -> Result<OwnedFd, Box<dyn Error>> {
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let mut memory = File::from(memfd_create(c"numbers", flags)?);
    for start in (0..NUMBERS as u64).step_by(8_000) {
        let piece: Vec<u64> = (start..start + 8_000).collect();
        memory.write_all(bytemuck::cast_slice(&piece))?;
    }
    let seals = SealFlag::F_SEAL_WRITE | SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW;
    fcntl(&memory, FcntlArg::F_ADD_SEALS(seals))?;
    Ok(memory.into())
}

/// The task: the sum of some of the numbers.
fn add_up((memory, range): (Descriptor, Range<usize>)) -> Result<u64, String> {
    // SAFETY: the memory is sealed before it is sent.
    let map = unsafe { Mmap::map(&memory) }.map_err(|error| error.to_string())?;
    let numbers: &[u64] = bytemuck::cast_slice(&map);
    Ok(numbers[range].iter().sum())
}
