//! The workers read the file, a piece at a time.

use std::error::Error;
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;

use process_pool::{Descriptor, Pool, StartMethod};
use records::{Record, batches, nansum};
use serde::{Deserialize, Serialize};

use super::{CHUNK, Sum};
use crate::data::Data;

/// A part of the file.
#[derive(Serialize, Deserialize)]
pub struct Part {
    file: Descriptor,
    /// Where it begins, in bytes.
    offset: u64,
    records: usize,
}

/// Copies a mebibyte at a time out of the page cache, into a buffer that stays in the
/// processor's.
pub fn sum_read(part: Part) -> Result<f64, String> {
    let file = part.file.as_fd().try_clone_to_owned();
    let file = File::from(file.map_err(|error| error.to_string())?);
    let mut chunk: Vec<Record> = vec![bytemuck::Zeroable::zeroed(); CHUNK.min(part.records)];
    let mut sum = 0.0;
    let mut done = 0;
    while done < part.records {
        let records = &mut chunk[..CHUNK.min(part.records - done)];
        let at = part.offset + (done * size_of::<Record>()) as u64;
        let read = file.read_exact_at(bytemuck::cast_slice_mut(records), at);
        read.map_err(|error| format!("cannot read the records: {error}"))?;
        sum += nansum(records);
        done += records.len();
    }
    Ok(sum)
}

pub fn sum(data: &Data) -> Result<Sum<'_>, Box<dyn Error>> {
    let file = Descriptor::from(data.file.try_clone()?);
    Ok(Box::new(move || {
        let pool = Pool::builder(StartMethod::Spawn).workers(data.workers);
        let parts = batches(data.records.len(), data.workers).map(|range| Part {
            file: file.clone(),
            offset: data.offset + (range.start * size_of::<Record>()) as u64,
            records: range.len(),
        });
        let sums = pool.start()?.map(sum_read, parts)?;
        let sum = sums.into_iter().sum::<Result<f64, _>>()?;
        Ok(sum.into())
    }))
}
