//! This book's pool: the parts sent to its workers, or shared, inherited, mapped or read by
//! them.
//!
//! ```text
//! cargo run --release -p transports --bin by-process-pool -- sent spawn
//! ```

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::process::ExitCode;
use std::sync::OnceLock;

use anyhow::{Context, Error, Result};
use bytes::Bytes;
use clap::{Parser, ValueEnum};
use memmap2::MmapOptions;
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
        .add(sum_read)
        .add(sum_inherited)
        .serve_if_worker();
    command_line::run(|arguments: Arguments| {
        let task = arguments.task;
        match arguments.way {
            Way::Sent => task.measure(|records| sent(arguments.method, records)),
            Way::Shared => task.measure(shared),
            Way::SharedAgain => task.measure(shared_again),
            Way::Inherited => task.measure(inherited),
            Way::Mapped => task.measure_file(|file| in_file(file, sum_mapped)),
            Way::Read => task.measure_file(|file| in_file(file, sum_read)),
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
    /// Each part is copied to memory of its own, which a worker maps
    Shared,
    /// The same, part after part to the same memory
    SharedAgain,
    /// The workers are forked, and have the records
    Inherited,
    /// The workers map the file
    Mapped,
    /// The workers read the file, a mebibyte at a time
    Read,
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
    // SAFETY: nobody writes to it while it is mapped. The memory of a part gets the next one
    // after this call, and the file is one that its mode lets nobody write to.
    let bytes = unsafe { options.map(&part.memory) };
    let bytes = bytes.map_err(|error| format!("cannot map the records: {error}"))?;
    transports::sum(&bytes).map_err(|error| error.to_string())
}

/// Bytes that [`sum_read`] reads at a time: whole records, about a mebibyte.
const PIECE: usize = (1 << 20) / size_of::<Record>() * size_of::<Record>();

fn sum_read(part: Part) -> Result<f64, String> {
    let file = part.memory.as_fd().try_clone_to_owned();
    let file = File::from(file.map_err(|error| error.to_string())?);
    let mut piece = vec![0; PIECE / size_of::<u64>()];
    let piece: &mut [u8] = bytemuck::cast_slice_mut::<u64, u8>(&mut piece);
    let mut sum = 0.0;
    let mut done = 0;
    while done < part.length {
        let length = PIECE.min(part.length - done);
        let bytes = &mut piece[..length];
        let read = file.read_exact_at(bytes, part.offset + done as u64);
        read.map_err(|error| format!("cannot read the records: {error}"))?;
        sum += transports::sum(bytes).map_err(|error| error.to_string())?;
        done += length;
    }
    Ok(sum)
}

fn in_file(
    file: DataFile,
    sum: impl Fn(Part) -> Result<f64, String> + Copy + 'static,
) -> Result<Vec<f64>> {
    let (offset, records) = (file.offset(), file.records());
    let memory = Descriptor::from(OwnedFd::from(file.into_file()));
    let parts = byte_ranges(records, PARTS).map(|range| Part {
        memory: memory.clone(),
        offset: offset + range.start as u64,
        length: range.len(),
    });
    let pool = Pool::builder(StartMethod::Spawn).workers(WORKERS).start()?;
    let sums = pool.map(sum, parts)?.into_iter();
    sums.collect::<Result<_, _>>().map_err(Error::msg)
}

fn memory() -> Result<File> {
    Ok(memfd_create(c"part", MFdFlags::MFD_CLOEXEC)?.into())
}

/// Copies `part` to `memory`, and has a worker map it.
fn sum_in(memory: &File, part: &Bytes, pool: &Pool) -> Result<f64> {
    memory.write_all_at(part, 0)?;
    let part = Part {
        memory: OwnedFd::from(memory.try_clone()?).into(),
        offset: 0,
        length: part.len(),
    };
    pool.submit(sum_mapped, part)?.wait()?.map_err(Error::msg)
}

fn shared(records: &Records) -> Result<Vec<f64>> {
    let pool = Pool::builder(StartMethod::Spawn).workers(WORKERS).start()?;
    let sum = |(): &mut (), part| sum_in(&memory()?, &part, &pool);
    feed(records, |_number| Ok(()), sum, |()| Ok(()))
}

/// Pages that have been written to before need not be zeroed again.
fn shared_again(records: &Records) -> Result<Vec<f64>> {
    let pool = Pool::builder(StartMethod::Spawn).workers(WORKERS).start()?;
    let sum = |memory: &mut File, part| sum_in(memory, &part, &pool);
    feed(records, |_number| memory(), sum, |_memory| Ok(()))
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
