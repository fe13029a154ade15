//! What the first write to a page costs, and what the second does not.

use std::error::Error;
use std::fs::File;
use std::io::{self, Seek, Write};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use mem_trace::{check_output, mebibytes, trace};
use memmap2::MmapOptions;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::resource::{UsageWho, getrusage};
use nix::unistd::{SysconfVar, sysconf};
use process_pool::Tasks;
use records::{DataArguments, write_part};

fn main() -> ExitCode {
    // The workers that make the data file, where there is none.
    Tasks::new().add(write_part).serve_if_worker();
    command_line::run(compare)
}

// ANCHOR: touch
/// Copies the same records twice into the same memory, by each of three ways.
fn compare(Arguments { data }: Arguments) -> Result<(), Box<dyn Error>> {
    // The records, and the memory that they are copied to.
    let data = data.open(2.05)?.load()?;
    let records: &[u8] = bytemuck::cast_slice(&data);
    let page = sysconf(SysconfVar::PAGE_SIZE)?.ok_or("the system has no page size")?;
    trace!(
        "{} MB of data, copied twice each way: pages={}",
        mebibytes(records.len() as u64),
        records.len().div_ceil(page as usize)
    );

    // Not measured: the first of all copies would pay for pages that a virtual machine
    // has to get from its host, and each later way would find them there.
    fresh_memory(0)?.write_all(records)?;

    let mut memory = fresh_memory(0)?;
    measure("write, first", || memory.write_all(records))??;
    memory.rewind()?;
    measure("write, second", || memory.write_all(records))??;
    drop(memory);

    let memory = fresh_memory(records.len())?;
    // SAFETY: no other process and no other map has this memory.
    let mut map = unsafe { MmapOptions::new().map_mut(&memory) }?;
    measure("map, first", || map.copy_from_slice(records))?;
    measure("map, second", || map.copy_from_slice(records))?;
    drop((map, memory));

    let memory = fresh_memory(records.len())?;
    // SAFETY: as above.
    let populated = || unsafe { MmapOptions::new().populate().map_mut(&memory) };
    let mut map = measure("populated map, mmap", populated)??;
    measure("populated map, first", || map.copy_from_slice(records))?;
    measure("populated map, second", || map.copy_from_slice(records))?;
    Ok(check_output()?)
}

/// A file in memory whose `bytes` exist as a length alone: it has no page yet.
fn fresh_memory(bytes: usize) -> io::Result<File> {
    let memory = File::from(memfd_create(c"records", MFdFlags::MFD_CLOEXEC)?);
    memory.set_len(bytes as u64)?;
    Ok(memory)
}

/// Prints the time that a step took, and the page faults that the system answered
/// without reading from a disk (getrusage(2), `ru_minflt`).
fn measure<T>(step: &str, work: impl FnOnce() -> T) -> io::Result<T> {
    let faults = || getrusage(UsageWho::RUSAGE_SELF).map(|usage| usage.minor_page_faults());
    let (before, start) = (faults()?, Instant::now());
    let result = work();
    let time_s = start.elapsed().as_secs_f64();
    let faults = faults()? - before;
    trace!("{step}: time_s={time_s:.4} faults={faults}");
    Ok(result)
}
// ANCHOR_END: touch

/// Measures what the first write to memory costs, and what the second does
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    data: DataArguments,
}
