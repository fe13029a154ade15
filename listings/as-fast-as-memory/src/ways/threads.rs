//! No process but this one.

use std::hint::black_box;
use std::thread;

use records::{batches, nansum};

use super::Sum;
use crate::data::Data;

pub fn sum(data: &Data, threads: usize) -> Sum<'_> {
    if threads == 1 {
        return Box::new(|| Ok(nansum(&data.records)));
    }
    Box::new(move || {
        thread::scope(|scope| {
            let parts = batches(data.records.len(), threads);
            let threads: Vec<_> = parts
                .map(|range| scope.spawn(|| nansum(&data.records[range])))
                .collect();
            let sums = threads.into_iter().map(|thread| thread.join());
            let sum = sums.sum::<thread::Result<f64>>();
            sum.map_err(|_| "a thread panicked".into())
        })
    })
}

/// As little work as there can be for every byte: what is left is the memory.
pub fn read(data: &Data) -> Sum<'_> {
    Box::new(|| {
        let words: &[u64] = bytemuck::cast_slice(&data.records[..]);
        black_box(words.iter().fold(0, |all, word| all ^ word));
        Ok(data.sum)
    })
}
