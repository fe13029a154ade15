//! The workers map the records: no record travels.

use std::error::Error;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::sync::OnceLock;

use bytemuck::Pod;
use memmap2::{Advice, Mmap, MmapMut, MmapOptions};
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::resource::UsageWho;
use process_pool::{Descriptor, Pool, StartMethod};
use records::{Record, batches, column as column_of, nansum, nansum_column};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Found, Sum};
use crate::data::Data;
use crate::measure::faults;

/// Where a worker finds its part.
#[derive(Clone, Serialize, Deserialize)]
pub struct Part {
    memory: Descriptor,
    /// Where it begins, and how long it is, in bytes.
    offset: u64,
    length: usize,
    /// Whether to have all its pages mapped before the first is read (mmap(2),
    /// `MAP_POPULATE`).
    populate: bool,
}

fn map(part: &Part) -> io::Result<Mmap> {
    let mut options = MmapOptions::new();
    options.offset(part.offset).len(part.length);
    if part.populate {
        options.populate();
    }
    // SAFETY: a memfd is sealed before it is sent, and the data file is one that its mode
    // lets nobody write to: see *Shared memory* for what would break that.
    unsafe { options.map(&part.memory) }
}

fn sum_elements<T: Pod>(part: Part, sum: fn(&[T]) -> f64) -> Result<f64, String> {
    let memory = map(&part).map_err(|error| format!("cannot map the records: {error}"))?;
    let elements = bytemuck::try_cast_slice(&memory).map_err(|error| error.to_string())?;
    Ok(sum(elements))
}

pub fn sum_records(part: Part) -> Result<f64, String> {
    sum_elements::<Record>(part, nansum)
}

/// A worker's map, kept from one task to the next.
static KEPT: OnceLock<Mmap> = OnceLock::new();

pub fn keep_and_sum(part: Part) -> Result<(f64, i64), String> {
    let memory = map(&part).map_err(|error| format!("cannot map the records: {error}"))?;
    KEPT.get_or_init(|| memory);
    sum_again(())
}

/// The sum, and the page faults that it took.
pub fn sum_again(_: ()) -> Result<(f64, i64), String> {
    let memory = KEPT.get().ok_or("nothing is mapped yet")?;
    let records = bytemuck::try_cast_slice(memory).map_err(|error| error.to_string())?;
    let faults = || faults(UsageWho::RUSAGE_SELF).map_err(|error| error.to_string());
    let before = faults()?;
    let sum = nansum(records);
    Ok((sum, faults()? - before))
}

pub fn sum_column(part: Part) -> Result<f64, String> {
    sum_elements(part, nansum_column)
}

pub fn sum_bytes(part: Part) -> Result<f64, String> {
    sum_elements(part, |values: &[u8]| {
        // As many ones as a byte can count, then the rest: sums of bytes are fast.
        let ones = values.chunks(255).map(|values| {
            let ones: u8 = values.iter().map(|value| u8::from(*value == 1)).sum();
            u64::from(ones)
        });
        ones.sum::<u64>() as f64
    })
}

/// The records, copied into fresh memory by write(2), within the time.
pub fn written(data: &Data) -> Sum<'_> {
    Box::new(|| {
        let memory = sealed(bytemuck::cast_slice(&data.records))?;
        in_workers(data, memory, 0, size_of::<Record>(), sum_records)
    })
}

/// The same, through a map that is `made` within the time: as by a program that makes its
/// records in place, if that cost nothing.
pub fn filled<'a>(
    data: &'a Data,
    mut made: impl FnMut(usize) -> io::Result<(File, MmapMut)> + 'a,
) -> Sum<'a> {
    Box::new(move || {
        let bytes: &[u8] = bytemuck::cast_slice(&data.records);
        let (memory, mut map) = made(bytes.len())?;
        map.copy_from_slice(bytes);
        // While there is a map to write through, no seal forbids to write.
        drop(map);
        let memory = seal(memory)?;
        in_workers(data, memory, 0, size_of::<Record>(), sum_records)
    })
}

/// Memory that is a promise: its pages come when they are first written to.
pub fn empty(len: usize) -> io::Result<(File, MmapMut)> {
    let memory = memory()?;
    memory.set_len(len as u64)?;
    // SAFETY: nobody else has this memory yet.
    let map = unsafe { MmapMut::map_mut(&memory) }?;
    Ok((memory, map))
}

/// The same where all its pages are there, and in the page table, before the time begins.
pub fn prefaulted(data: &Data) -> Result<Sum<'_>, Box<dyn Error>> {
    let (memory, map) = empty(size_of_val(&data.records[..]))?;
    map.advise(Advice::PopulateWrite)?;
    let mut made = Some((memory, map));
    Ok(filled(data, move |_| {
        made.take().ok_or_else(|| io::Error::other("it is taken"))
    }))
}

/// The same memory, filled before the time begins.
pub fn memfd(data: &Data) -> Result<Sum<'_>, Box<dyn Error>> {
    let memory = sealed(bytemuck::cast_slice(&data.records))?;
    Ok(Box::new(move || {
        in_workers(data, memory.clone(), 0, size_of::<Record>(), sum_records)
    }))
}

pub fn file(data: &Data) -> Result<Sum<'_>, Box<dyn Error>> {
    let file = Descriptor::from(data.file.try_clone()?);
    Ok(Box::new(move || {
        in_workers(
            data,
            file.clone(),
            data.offset,
            size_of::<Record>(),
            sum_records,
        )
    }))
}

pub fn populated_file(data: &Data) -> Result<Sum<'_>, Box<dyn Error>> {
    let memory = Descriptor::from(data.file.try_clone()?);
    Ok(Box::new(move || {
        let parts = parts(data, memory.clone(), data.offset, size_of::<Record>());
        in_pool(
            data,
            parts.map(|part| Part {
                populate: true,
                ..part
            }),
            sum_records,
        )
    }))
}

/// By workers that have read it once before the time begins, and stay when it is over: its
/// pages are in their tables.
pub fn kept(data: &Data) -> Result<Sum<'_>, Box<dyn Error>> {
    let memory = Descriptor::from(data.file.try_clone()?);
    let mut pools = Vec::new();
    // A pool for each part: in one pool either worker might take it.
    for part in parts(data, memory, data.offset, size_of::<Record>()) {
        let pool = Pool::builder(StartMethod::Spawn).workers(1).start()?;
        pool.submit(keep_and_sum, part)?.wait()??;
        pools.push(pool);
    }
    Ok(Box::new(move || {
        let tasks = pools.iter().map(|pool| pool.submit(sum_again, ()));
        let tasks = tasks.collect::<Result<Vec<_>, _>>()?;
        let mut found = Found::from(0.0);
        for task in tasks {
            let (sum, faults) = task.wait()??;
            found.sum += sum;
            found.faults += faults;
        }
        Ok(found)
    }))
}

pub fn column(data: &Data) -> Result<Sum<'_>, Box<dyn Error>> {
    let memory = sealed(bytemuck::cast_slice(&column_of(&data.records)))?;
    Ok(Box::new(move || {
        in_workers(data, memory.clone(), 0, size_of::<f64>(), sum_column)
    }))
}

/// 0, 1, and 2 for what is no number: all that the values of these records can be.
pub fn bytes(data: &Data) -> Result<Sum<'_>, Box<dyn Error>> {
    let byte = |record: &Record| match record.val {
        0.0 => 0,
        1.0 => 1,
        _ => 2,
    };
    let memory = sealed(&data.records.iter().map(byte).collect::<Vec<u8>>())?;
    Ok(Box::new(move || {
        in_workers(data, memory.clone(), 0, 1, sum_bytes)
    }))
}

fn sealed(bytes: &[u8]) -> io::Result<Descriptor> {
    let mut memory = memory()?;
    memory.write_all(bytes)?;
    seal(memory)
}

fn memory() -> io::Result<File> {
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    Ok(memfd_create(c"records", flags)?.into())
}

fn seal(memory: File) -> io::Result<Descriptor> {
    let seals = SealFlag::F_SEAL_WRITE | SealFlag::F_SEAL_SHRINK;
    fcntl(&memory, FcntlArg::F_ADD_SEALS(seals))?;
    Ok(OwnedFd::from(memory).into())
}

/// A part of `memory` for each worker, whose elements have `width` bytes and begin at `offset`.
fn parts(data: &Data, memory: Descriptor, offset: u64, width: usize) -> impl Iterator<Item = Part> {
    batches(data.records.len(), data.workers).map(move |range| Part {
        memory: memory.clone(),
        offset: offset + (range.start * width) as u64,
        length: range.len() * width,
        populate: false,
    })
}

fn in_workers(
    data: &Data,
    memory: Descriptor,
    offset: u64,
    width: usize,
    task: impl Fn(Part) -> Result<f64, String> + Copy + 'static,
) -> Result<Found, Box<dyn Error>> {
    in_pool(data, parts(data, memory, offset, width), task)
}

fn in_pool<A: Serialize + DeserializeOwned>(
    data: &Data,
    parts: impl Iterator<Item = A>,
    task: impl Fn(A) -> Result<f64, String> + Copy + 'static,
) -> Result<Found, Box<dyn Error>> {
    let pool = Pool::builder(StartMethod::Spawn).workers(data.workers);
    let sums = pool.start()?.map(task, parts)?;
    let sum = sums.into_iter().sum::<Result<f64, _>>()?;
    Ok(sum.into())
}
