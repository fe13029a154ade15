//! This book's pool: the parts sent to its workers, or shared, inherited or mapped by them.
//!
//! ```text
//! cargo run --release -p transports --bin by-process-pool -- sent spawn
//! ```

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::process::ExitCode;
use std::sync::OnceLock;
use std::thread;

use anyhow::{Context, Error, Result};
use bytes::Bytes;
use clap::{Parser, ValueEnum};
use memmap2::MmapOptions;
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use process_pool::{Descriptor, Pool, Slice, StartMethod, Tasks};
use records::{DataFile, Record, nansum};
use serde::{Deserialize, Serialize};
use transports::contender::{Records, Task, byte_ranges};
use transports::workers::feed;
use transports::{PARTS, WORKERS};

fn main() -> ExitCode {
    Tasks::new()
        .add(sum_sent)
        .add(sum_mapped)
        .add(sum_inherited)
        .serve_if_worker();
    command_line::run(|arguments: Arguments| {
        let task = arguments.task;
        match arguments.way {
            Way::Sent => task.measure(|records| sent(arguments.method, records)),
            Way::Shared => task.measure(shared),
            Way::SharedAgain => task.measure(shared_again),
            Way::Inherited => task.measure(inherited),
            Way::Mapped => task.measure_file(mapped),
        }
    })
}

/// Sums the parts in this book's pool
#[derive(Parser)]
struct Arguments {
    way: Way,

    /// How the workers start to which the parts are sent
    #[arg(default_value = "spawn")]
    method: StartMethod,

    #[command(flatten)]
    task: Task,
}

#[derive(Clone, Copy, ValueEnum)]
enum Way {
    /// Each part goes through a worker's socket
    Sent,
    /// The records are copied to memory that the workers map
    Shared,
    /// The same, part after part to the same memory
    SharedAgain,
    /// The workers are forked, and have the records
    Inherited,
    /// The workers map the file
    Mapped,
}

fn sum_sent(part: Slice<Record>) -> f64 {
    nansum(&part)
}

fn sent(method: StartMethod, records: &Records) -> Result<Vec<f64>> {
    let parts = records.parts().into_iter().map(Slice::from_bytes);
    let parts: Option<Vec<_>> = parts.collect();
    let pool = Pool::builder(method).workers(WORKERS).start()?;
    Ok(pool.map(sum_sent, parts.context("expected whole records")?)?)
}

/// Where a worker finds its part.
#[derive(Serialize, Deserialize)]
struct Part {
    memory: Descriptor,
    /// Where it begins, and how long it is, in bytes.
    offset: u64,
    length: usize,
}

fn sum_mapped(part: Part) -> Result<f64, String> {
    let mut options = MmapOptions::new();
    options.offset(part.offset).len(part.length);
    // SAFETY: nobody writes to the memory while it is mapped. That of all records is sealed,
    // that of one part gets the next one after this call, and the file is one that its mode
    // lets nobody write to.
    let bytes = unsafe { options.map(&part.memory) };
    let bytes = bytes.map_err(|error| format!("cannot map the records: {error}"))?;
    transports::sum(&bytes).map_err(|error| error.to_string())
}

fn map_in_workers(memory: Descriptor, offset: u64, records: usize) -> Result<Vec<f64>> {
    let parts = byte_ranges(records, PARTS).map(|range| Part {
        memory: memory.clone(),
        offset: offset + range.start as u64,
        length: range.len(),
    });
    let pool = Pool::builder(StartMethod::Spawn).workers(WORKERS).start()?;
    let sums = pool.map(sum_mapped, parts)?.into_iter();
    sums.collect::<Result<_, _>>().map_err(Error::msg)
}

fn mapped(file: DataFile) -> Result<Vec<f64>> {
    let (offset, records) = (file.offset(), file.records());
    map_in_workers(OwnedFd::from(file.into_file()).into(), offset, records)
}

fn memory() -> nix::Result<File> {
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    Ok(File::from(memfd_create(c"records", flags)?))
}

fn shared(records: &Records) -> Result<Vec<f64>> {
    let bytes = records.bytes();
    let records = bytes.len() / size_of::<Record>();
    let memory = memory()?;
    // As many threads as cores: the system zeroes each page before it is written to.
    thread::scope(|scope| {
        let write =
            |range: Range<usize>| memory.write_all_at(&bytes[range.clone()], range.start as u64);
        let threads: Vec<_> = byte_ranges(records, WORKERS)
            .map(|range| scope.spawn(move || write(range)))
            .collect();
        let joined = threads.into_iter().map(|thread| thread.join());
        joined
            .map(|written| written.map_err(|_| io::Error::other("a thread panicked"))?)
            .collect::<io::Result<()>>()
    })?;
    let seals = SealFlag::F_SEAL_WRITE | SealFlag::F_SEAL_SHRINK;
    fcntl(&memory, FcntlArg::F_ADD_SEALS(seals))?;
    map_in_workers(OwnedFd::from(memory).into(), 0, records)
}

/// Pages that have been written to before need not be zeroed again.
fn shared_again(records: &Records) -> Result<Vec<f64>> {
    let pool = Pool::builder(StartMethod::Spawn).workers(WORKERS).start()?;
    let fill = |memory: &mut (File, Descriptor), bytes: Bytes| {
        memory.0.write_all_at(&bytes, 0)?;
        let part = Part {
            memory: memory.1.clone(),
            offset: 0,
            length: bytes.len(),
        };
        pool.submit(sum_mapped, part)?.wait()?.map_err(Error::msg)
    };
    let start = |_number| {
        let file = memory()?;
        let descriptor = OwnedFd::from(file.try_clone()?).into();
        Ok((file, descriptor))
    };
    feed(records, start, fill, |_memory| Ok(()))
}

/// The parts of which a forked worker has a copy that nobody made.
static INHERITED: OnceLock<Vec<Bytes>> = OnceLock::new();

fn sum_inherited(index: usize) -> Result<f64, String> {
    let part = INHERITED.get().and_then(|parts| parts.get(index));
    let part = part.ok_or("expected an inherited part")?;
    transports::sum(part).map_err(|error| error.to_string())
}

fn inherited(records: &Records) -> Result<Vec<f64>> {
    INHERITED.get_or_init(|| records.parts());
    // One in the place of a lost worker would have inherited nothing.
    let pool = Pool::builder(StartMethod::Fork).workers(WORKERS);
    let pool = pool.without_replacement().start()?;
    let sums = pool.map(sum_inherited, 0..PARTS)?.into_iter();
    sums.collect::<Result<_, _>>().map_err(Error::msg)
}
