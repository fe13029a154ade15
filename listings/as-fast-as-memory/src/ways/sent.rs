//! The records travel to the workers, as arguments of a task.

use process_pool::{Pool, Slice, StartMethod};
use records::{Record, batches, nansum};

use super::Sum;
use crate::data::Data;

pub fn sum_batch(batch: Slice<Record>) -> f64 {
    nansum(&batch)
}

/// One batch for each worker, sent to one worker after the other.
pub fn by_one_feeder(data: &Data) -> Sum<'_> {
    Box::new(|| {
        let pool = Pool::builder(StartMethod::Spawn).workers(data.workers);
        sum(data, pool.serial_sends(), data.workers)
    })
}

/// So many for each worker, sent to all of them at once.
pub fn in_batches(data: &Data, batches: usize) -> Sum<'_> {
    Box::new(move || {
        let pool = Pool::builder(StartMethod::Spawn).workers(data.workers);
        sum(data, pool, batches * data.workers)
    })
}

fn sum(
    data: &Data,
    pool: process_pool::Builder,
    count: usize,
) -> Result<f64, Box<dyn std::error::Error>> {
    let pool = pool.start()?;
    let parts = batches(data.records.len(), count).map(|range| data.records.part(range));
    Ok(pool.map(sum_batch, parts)?.iter().sum())
}
