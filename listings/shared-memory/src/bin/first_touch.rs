//! What the first write to a page costs, and what the second does not.

use std::error::Error;
use std::fs::File;
use std::io::{self, Seek, Write};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use mem_trace::{MemoryUsage, check_output, mebibytes, trace};
use memmap2::{Advice, MmapMut, MmapOptions};
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

/// Copies the same records twice into the same memory, by each of four ways.
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

    // ANCHOR: touch
    let mut map = fresh_map(records.len(), &MmapOptions::new())?;
    copy_twice("map", &mut map, records)?;
    drop(map);

    let populate = MmapOptions::new().populate().clone();
    let mut map = measure("populated map, mmap", || {
        fresh_map(records.len(), &populate)
    })??;
    copy_twice("populated map", &mut map, records)?;
    drop(map);

    let mut map = fresh_map(records.len(), &MmapOptions::new())?;
    measure("prefaulted map, madvise", || {
        map.advise(Advice::PopulateWrite)
    })??;
    copy_twice("prefaulted map", &mut map, records)?;
    // ANCHOR_END: touch
    Ok(check_output()?)
}

fn copy_twice(way: &str, map: &mut MmapMut, records: &[u8]) -> io::Result<()> {
    measure(&format!("{way}, first"), || map.copy_from_slice(records))?;
    measure(&format!("{way}, second"), || map.copy_from_slice(records))
}

/// A map of such memory.
fn fresh_map(bytes: usize, options: &MmapOptions) -> io::Result<MmapMut> {
    // SAFETY: no other process and no other map has this memory.
    unsafe { options.map_mut(&fresh_memory(bytes)?) }
}

/// A file in memory whose `bytes` exist as a length alone: it has no page yet.
fn fresh_memory(bytes: usize) -> io::Result<File> {
    let memory = File::from(memfd_create(c"records", MFdFlags::MFD_CLOEXEC)?);
    memory.set_len(bytes as u64)?;
    Ok(memory)
}

/// Prints the time that a step took, the page faults that the system answered without
/// reading from a disk (getrusage(2), `ru_minflt`), and the dirty pages that this process
/// maps after it.
fn measure<T>(step: &str, work: impl FnOnce() -> T) -> io::Result<T> {
    let faults = || getrusage(UsageWho::RUSAGE_SELF).map(|usage| usage.minor_page_faults());
    let (before, start) = (faults()?, Instant::now());
    let result = work();
    let time_s = start.elapsed().as_secs_f64();
    let faults = faults()? - before;
    let dirty = MemoryUsage::now().private_dirty.unwrap_or(0);
    trace!(
        "{step}: time_s={time_s:.4} faults={faults} private_dirty={} MB",
        mebibytes(dirty)
    );
    Ok(result)
}

/// Measures what the first write to memory costs, and what the second does
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    data: DataArguments,
}
