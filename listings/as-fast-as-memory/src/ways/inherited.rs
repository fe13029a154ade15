//! The workers are forked, and have the records.

use std::error::Error;
use std::ops::Range;
use std::sync::{PoisonError, RwLock};

use bytes::Bytes;
use memmap2::{Advice, MmapMut};
use process_pool::{Pool, Slice, StartMethod};
use records::{Record, batches, nansum};

use super::Sum;
use crate::data::Data;

/// The records of which a forked worker has a copy that nobody made.
static INHERITED: RwLock<Option<Slice<Record>>> = RwLock::new(None);

pub fn sum_inherited(range: Range<usize>) -> f64 {
    let inherited = INHERITED.read().unwrap_or_else(PoisonError::into_inner);
    inherited
        .as_ref()
        .map_or(f64::NAN, |records| nansum(&records[range]))
}

pub fn in_huge_pages(data: &Data) -> Result<Sum<'_>, Box<dyn Error>> {
    Ok(sum(data, data.records.clone()))
}

/// A copy of the records that is in small pages, whatever the system would give it.
pub fn in_small_pages(data: &Data) -> Result<Sum<'_>, Box<dyn Error>> {
    let mut memory = MmapMut::map_anon(size_of_val(&data.records[..]))?;
    memory.advise(Advice::NoHugePage)?;
    memory.copy_from_slice(bytemuck::cast_slice(&data.records));
    let records = Slice::from_bytes(Bytes::from_owner(memory)).ok_or("expected whole records")?;
    Ok(sum(data, records))
}

fn sum(data: &Data, records: Slice<Record>) -> Sum<'_> {
    let count = records.len();
    let inherited = Inherited::leave(records);
    Box::new(move || {
        let Inherited = &inherited;
        // One in the place of a lost worker would not be forked from here.
        let pool = Pool::builder(StartMethod::Fork).workers(data.workers);
        let pool = pool.without_replacement().start()?;
        let sums = pool.map(sum_inherited, batches(count, data.workers))?;
        Ok(sums.into_iter().sum::<f64>().into())
    })
}

/// That there are records to inherit. They go with it, when the time is over.
struct Inherited;

impl Inherited {
    fn leave(records: Slice<Record>) -> Self {
        *INHERITED.write().unwrap_or_else(PoisonError::into_inner) = Some(records);
        Self
    }
}

impl Drop for Inherited {
    fn drop(&mut self) {
        *INHERITED.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
