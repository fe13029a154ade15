//! The same sum over memory that parent and workers share.

mod cut_off;
mod first_touch;

use std::error::Error;
use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, ValueEnum};
use command_line::grouped;
use mem_trace::{CountingAllocator, MemoryUsage, check_output, mark, mebibytes, trace};
use memmap2::{Advice, Mmap, MmapOptions};
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use process_pool::{Descriptor, Pool, StartMethod, Tasks};
use records::{DataArguments, Record, batches, nansum, write_part};
use serde::{Deserialize, Serialize};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

// ANCHOR: process
/// Where a worker finds its records: no record travels.
#[derive(Serialize, Deserialize)]
struct Part {
    memory: Descriptor,
    /// Where the first of all records begins in it, in bytes.
    offset: u64,
    /// How many records there are in all.
    records: usize,
    /// Which of them are this part's.
    range: Range<usize>,
}

fn process(part: Part) -> Result<f64, String> {
    trace!("Received data");
    // SAFETY: a memfd is sealed against changes before it is sent. A data file is sent
    // only if nobody has the permission to write to it: giving it back and writing during
    // a run, or having had it open for writing all the while, would break the condition.
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
/// # Safety
///
/// The bytes must neither change nor go while they are mapped.
unsafe fn map(part: &Part) -> io::Result<Mmap> {
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
// ANCHOR_END: process

fn main() -> ExitCode {
    Tasks::new()
        .add(process)
        .add(cut_off::map_and_sum)
        .add(cut_off::sum_again)
        .add(write_part)
        .serve_if_worker();
    command_line::run(run)
}

fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    match arguments.run {
        Run::Fork => shared(&arguments.data, StartMethod::Fork),
        Run::Spawn => shared(&arguments.data, StartMethod::Spawn),
        Run::ForkServer => shared(&arguments.data, StartMethod::ForkServer),
        Run::MapFile => mapped(&arguments.data),
        Run::FirstTouch => first_touch::compare(&arguments.data),
        Run::CutOff => cut_off::compare(&arguments.data),
    }?;
    Ok(check_output()?)
}

// ANCHOR: shared
/// The notes' program: load, copy into shared memory, let the workers map it.
fn shared(arguments: &DataArguments, method: StartMethod) -> Result<(), Box<dyn Error>> {
    // For a while there are the loaded records and the shared ones.
    let file = arguments.open(2.05)?;
    trace!("Loading data...");
    mark("loading");
    let data = file.load()?;
    announce(data.len(), arguments.workers);

    trace!("Copying data to shared memory... {}", MemoryUsage::now());
    mark("copying");
    let start = Instant::now();
    let memory = sealed_memory(&data)?;
    let copy_time_s = start.elapsed().as_secs_f64();
    trace!(
        "Copied. copy_time_s={copy_time_s:.3} {}",
        MemoryUsage::now()
    );
    let records = data.len();
    drop(data);

    sum_in_workers(memory.into(), 0, records, arguments.workers, method)
}
// ANCHOR_END: shared

// ANCHOR: seal
/// A copy of `records` in memory that has no name, that others can map, and that
/// nobody can change or shorten any more (memfd_create(2), F_ADD_SEALS).
fn sealed_memory(records: &[Record]) -> io::Result<OwnedFd> {
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let mut memory = File::from(memfd_create(c"records", flags)?);
    // Written, not mapped and copied: a write can report that there is no room, a
    // first touch can only raise SIGBUS (mmap(2)).
    memory.write_all(bytemuck::cast_slice(records))?;
    let seals = SealFlag::F_SEAL_WRITE
        | SealFlag::F_SEAL_SHRINK
        | SealFlag::F_SEAL_GROW
        | SealFlag::F_SEAL_SEAL;
    fcntl(&memory, FcntlArg::F_ADD_SEALS(seals))?;
    Ok(memory.into())
}
// ANCHOR_END: seal

// ANCHOR: file
/// No copy at all: the workers map the data file.
fn mapped(arguments: &DataArguments) -> Result<(), Box<dyn Error>> {
    let file = arguments.open(0.0)?;
    file.require_read_only()?;
    let (offset, records) = (file.offset(), file.records());
    announce(records, arguments.workers);
    let memory = OwnedFd::from(file.into_file());
    sum_in_workers(
        memory.into(),
        offset,
        records,
        arguments.workers,
        StartMethod::Spawn,
    )
}
// ANCHOR_END: file

// ANCHOR: sum
/// The timer contains the start of the workers, the sums and the workers' end.
fn sum_in_workers(
    memory: Descriptor,
    offset: u64,
    records: usize,
    workers: usize,
    method: StartMethod,
) -> Result<(), Box<dyn Error>> {
    mark("starting");
    let start = Instant::now();
    let pool = Pool::builder(method).workers(workers).start()?;
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
// ANCHOR_END: sum

fn announce(records: usize, workers: usize) {
    let bytes = (records * size_of::<Record>()) as u64;
    trace!(
        "{} MB of data. {} records",
        mebibytes(bytes),
        grouped(records)
    );
    trace!("Will use {workers} workers for {workers} batches.");
}

/// Sums one field of many records in memory that every worker maps
#[derive(Parser)]
struct Arguments {
    /// What is mapped, and how the workers come to be
    #[arg(value_enum, default_value = "fork")]
    run: Run,

    #[command(flatten)]
    data: DataArguments,
}

#[derive(Clone, Copy, ValueEnum)]
enum Run {
    /// A sealed copy in memory; forked workers
    Fork,
    /// A sealed copy in memory; spawned workers
    Spawn,
    /// A sealed copy in memory; workers forked by a server
    ForkServer,
    /// The data file itself; spawned workers
    MapFile,
    /// No workers: what the first write to memory costs, and the second
    FirstTouch,
    /// One spawned worker, whose memory is cut off while it is mapped
    CutOff,
}
