//! A contender: the records that it has, and what its way to their sums takes.

use std::io::{Seek, SeekFrom};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use bytes::Bytes;
use clap::Args;
use command_line::count;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use process_pool::Buffer;
use records::{DataArguments, DataFile, MOST_RECORDS, Record, batches};

use crate::{PARTS, WORKERS};

/// What each contender is told: which records to sum.
#[derive(Args)]
pub struct Task {
    /// Records to sum
    #[arg(long, value_name = "N", value_parser = count::<MOST_RECORDS>, default_value = "20_000_000")]
    pub records: usize,

    /// The data file [default: in the target folder's data, where `transports` makes it]
    #[arg(long, value_name = "PATH")]
    pub data: Option<PathBuf>,
}

impl Task {
    /// The arguments for the crate `records`.
    pub fn data(&self) -> DataArguments {
        DataArguments {
            records: Some(self.records),
            workers: WORKERS,
            data: self.data.clone(),
        }
    }

    fn open(&self) -> Result<DataFile> {
        Ok(DataFile::open(&self.data().path(), Some(self.records))?)
    }

    /// Prints what the way from the records in this process's memory to the sums of their
    /// parts takes: from before the workers start until they have ended. It goes that way
    /// once before: what the memory costs then that others have just freed depends on them,
    /// where a virtual machine gives it back to its host.
    ///
    /// # Errors
    ///
    /// Where the records cannot be read, or the way fails.
    pub fn measure(&self, sums: impl Fn(&Records) -> Result<Vec<f64>>) -> Result<()> {
        self.measure_apart(sums, |_, sums| Ok(sums))
    }

    /// The same for a way that is to be timed without its sums, which come after.
    ///
    /// # Errors
    ///
    /// As [`measure`](Self::measure).
    pub fn measure_apart<T>(
        &self,
        way: impl Fn(&Records) -> Result<T>,
        sums: impl FnOnce(&Records, T) -> Result<Vec<f64>>,
    ) -> Result<()> {
        let records = Records::load(self.open()?)?;
        way(&records)?;
        report(|| way(&records), |came| sums(&records, came))
    }

    /// The same for a way from the file, which this process goes once.
    ///
    /// # Errors
    ///
    /// Where somebody may write to the file, which must not change while it is mapped, or
    /// the way fails.
    pub fn measure_file(&self, sums: impl FnOnce(DataFile) -> Result<Vec<f64>>) -> Result<()> {
        let file = self.open()?;
        file.require_read_only()?;
        report(|| sums(file), Ok)
    }
}

/// Times `way`, and prints that with the sums that it came to.
fn report<T>(
    way: impl FnOnce() -> Result<T>,
    sums: impl FnOnce(T) -> Result<Vec<f64>>,
) -> Result<()> {
    let (before, start) = (processor_seconds()?, Instant::now());
    let came = way()?;
    let wall = start.elapsed().as_secs_f64();
    let processor = processor_seconds()? - before;
    let sums: Vec<String> = sums(came)?.iter().map(f64::to_string).collect();
    println!(
        "wall_s={wall:.6} processor_s={processor:.6} sums={}",
        sums.join(",")
    );
    Ok(())
}

/// User and system seconds of this process, and of its children that have ended.
///
/// # Errors
///
/// getrusage(2)'s.
pub fn processor_seconds() -> Result<f64> {
    let of = |who| {
        let usage = getrusage(who)?;
        let microseconds = usage.user_time() + usage.system_time();
        anyhow::Ok(microseconds.num_microseconds() as f64 / 1e6)
    };
    Ok(of(UsageWho::RUSAGE_SELF)? + of(UsageWho::RUSAGE_CHILDREN)?)
}

/// The records in private memory, in huge pages where the system has them.
pub struct Records(Bytes);

impl Records {
    fn load(file: DataFile) -> Result<Self> {
        let (offset, length) = (file.offset(), file.bytes() as usize);
        let mut file = file.into_file();
        file.seek(SeekFrom::Start(offset))?;
        let buffer = Buffer::read_from(file.as_fd(), length)?;
        Ok(Self(Bytes::from_owner(buffer)))
    }

    /// All of them.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The parts in their order, none of them copied.
    pub fn parts(&self) -> Vec<Bytes> {
        let records = self.0.len() / size_of::<Record>();
        byte_ranges(records, PARTS)
            .map(|range| self.0.slice(range))
            .collect()
    }
}

/// Where each of `count` parts of so many records is, in bytes.
pub fn byte_ranges(records: usize, count: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    let bytes = |at| at * size_of::<Record>();
    batches(records, count).map(move |range| bytes(range.start)..bytes(range.end))
}
