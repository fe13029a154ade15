//! The records travel to the workers, as arguments of a task.

use std::error::Error;

use process_pool::{Pool, Slice, StartMethod};
use records::{Record, batches, nansum};

use super::{Found, Sum};
use crate::data::Data;

pub fn sum_batch(batch: Slice<Record>) -> f64 {
    nansum(&batch)
}

pub fn do_nothing(_: ()) {}

/// What it takes to have workers at all: they start, answer and end.
pub fn nothing(data: &Data) -> Sum<'_> {
    Box::new(|| {
        let pool = Pool::builder(StartMethod::Spawn).workers(data.workers);
        pool.start()?.map(do_nothing, vec![(); data.workers])?;
        Ok(data.sum.into())
    })
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

fn sum(data: &Data, pool: process_pool::Builder, count: usize) -> Result<Found, Box<dyn Error>> {
    let pool = pool.start()?;
    let parts = batches(data.records.len(), count).map(|range| data.records.part(range));
    let sums = pool.map(sum_batch, parts)?;
    Ok(sums.into_iter().sum::<f64>().into())
}
