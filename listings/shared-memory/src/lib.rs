//! What the programs of this listing share: sealed memory, and workers that map and sum.

use std::error::Error;
use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::time::Instant;

use command_line::grouped;
use mem_trace::{CountingAllocator, MemoryUsage, mark, mebibytes, trace};
use memmap2::{Advice, Mmap, MmapOptions};
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use process_pool::{Builder, Descriptor};
use records::{Record, batches, nansum};
use serde::{Deserialize, Serialize};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

// ANCHOR: seal
/// A copy of `records` in memory that has no name in any file system, that others can map,
/// and that nobody can change or shorten any more (memfd_create(2), F_ADD_SEALS).
///
/// # Errors
///
/// Where the system has no room for it.
pub fn sealed_memory(records: &[Record]) -> io::Result<OwnedFd> {
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let mut memory = File::from(memfd_create(c"records", flags)?);
    // Written, not mapped and copied: where there is no room a write can report it, a
    // first touch cannot.
    memory.write_all(bytemuck::cast_slice(records))?;
    let seals = SealFlag::F_SEAL_WRITE
        | SealFlag::F_SEAL_SHRINK
        | SealFlag::F_SEAL_GROW
        | SealFlag::F_SEAL_SEAL;
    fcntl(&memory, FcntlArg::F_ADD_SEALS(seals))?;
    Ok(memory.into())
}
// ANCHOR_END: seal

// ANCHOR: part
/// Where a worker finds its records: no record travels.
#[derive(Serialize, Deserialize)]
pub struct Part {
    /// The memory itself.
    pub memory: Descriptor,
    /// Where the first of all records begins in it, in bytes.
    pub offset: u64,
    /// How many records there are in all.
    pub records: usize,
    /// Which of them are this part's.
    pub range: Range<usize>,
}
// ANCHOR_END: part

/// The task: maps the records, and sums those of `part`.
///
/// # Errors
///
/// In words, since they travel: where the records cannot be mapped.
pub fn process(part: Part) -> Result<f64, String> {
    trace!("Received data");
    // SAFETY: a memfd is sealed against changes before it is sent. A data file is sent
    // only if its mode lets no user write to it: writing to it all the same, by a new
    // permission, an older descriptor or the superuser's right, would break the condition.
    let memory =
        unsafe { map(&part) }.map_err(|error| format!("cannot map the records: {error}"))?;
    let records: &[Record] =
        bytemuck::try_cast_slice(&memory).map_err(|error| error.to_string())?;
    trace!("Received data {}", MemoryUsage::now());
    let sum = nansum(&records[part.range]);
    trace!("Sending result back. {}", MemoryUsage::now());
    Ok(sum)
}

/// Maps all records of which `part` names some.
///
/// # Errors
///
/// See mmap(2) and madvise(2).
///
/// # Safety
///
/// The bytes must neither change nor go while they are mapped.
pub unsafe fn map(part: &Part) -> io::Result<Mmap> {
    let mut options = MmapOptions::new();
    options
        .offset(part.offset)
        .len(part.records * size_of::<Record>());
    // SAFETY: the caller's.
    let memory = unsafe { options.map(&part.memory) }?;
    // Read once, from front to back: the kernel need not note each page as one
    // that will be wanted again.
    memory.advise(Advice::Sequential)?;
    Ok(memory)
}

/// Called in each worker before its first task.
pub fn ready() {
    trace!("Ready");
}

/// Prints how much data there is, and for how many workers.
pub fn announce(records: usize, workers: usize) {
    let bytes = (records * size_of::<Record>()) as u64;
    trace!(
        "{} MB of data. {} records",
        mebibytes(bytes),
        grouped(records)
    );
    trace!("Will use {workers} workers for {workers} batches.");
}

/// Has the pool's `workers` processes map the memory and sum a part each.
///
/// The timer contains the start of the workers, the sums and the workers' end.
///
/// # Errors
///
/// The pool's, or the first that a worker reports.
pub fn sum_in_workers(
    memory: Descriptor,
    offset: u64,
    records: usize,
    workers: usize,
    pool: Builder,
) -> Result<(), Box<dyn Error>> {
    mark("starting");
    let start = Instant::now();
    let pool = pool.workers(workers).initializer(ready).start()?;
    trace!("Scheduling tasks... {}", MemoryUsage::now());
    let tasks: Vec<_> = batches(records, workers)
        .map(|range| {
            let memory = memory.clone();
            pool.submit(
                process,
                Part {
                    memory,
                    offset,
                    records,
                    range,
                },
            )
        })
        .collect::<Result<_, _>>()?;
    trace!("Waiting for results... {}", MemoryUsage::now());
    mark("waiting");
    let mut total_sum = 0.0;
    for task in tasks {
        total_sum += task.wait()??;
    }
    drop(pool);
    let total_time_s = start.elapsed().as_secs_f64();
    mark("ended");
    trace!("{}", MemoryUsage::now());
    trace!("total_time_s={total_time_s:.3} total_sum={total_sum}");
    Ok(())
}
