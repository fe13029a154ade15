//! No process but this one.

use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

use rayon::ThreadPoolBuilder;
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use records::{batches, nansum, read_each_line};

use super::Sum;
use crate::data::Data;

pub fn sum(data: &Data, threads: usize) -> Sum<'_> {
    if threads == 1 {
        return Box::new(|| Ok(nansum(&data.records).into()));
    }
    Box::new(move || {
        thread::scope(|scope| {
            let parts = batches(data.records.len(), threads);
            let threads: Vec<_> = parts
                .map(|range| scope.spawn(|| nansum(&data.records[range])))
                .collect();
            let sums = threads.into_iter().map(|thread| thread.join());
            let sum = sums.sum::<thread::Result<f64>>();
            let sum = sum.map_err(|_| "a thread panicked")?;
            Ok(sum.into())
        })
    })
}

/// The same by as many threads of rayon, which divides the work where a thread is idle.
pub fn by_rayon(data: &Data) -> Sum<'_> {
    Box::new(|| {
        let pool = ThreadPoolBuilder::new().num_threads(data.workers);
        let parts: Vec<_> = batches(data.records.len(), 8 * data.workers).collect();
        let sum = pool.build()?.install(|| {
            let sums = parts.into_par_iter();
            sums.map(|range| nansum(&data.records[range])).sum::<f64>()
        });
        Ok(sum.into())
    })
}

/// How long the cores are kept busy.
const AWAKE: Duration = Duration::from_millis(200);

/// Has as many threads as there are workers read the records for a while. A core that has been
/// idle is not at once as fast as it gets, and on a virtual machine the host has to find one.
pub fn wake_cores(data: &Data) {
    thread::scope(|scope| {
        for range in batches(data.records.len(), data.workers) {
            scope.spawn(move || {
                let start = Instant::now();
                let mut pieces = data.records[range].chunks(1 << 20).cycle();
                while start.elapsed() < AWAKE
                    && let Some(piece) = pieces.next()
                {
                    black_box(read_each_line(piece));
                }
            });
        }
    });
}

/// As little work as there can be with all the bytes: what is left is the memory.
pub fn read(data: &Data) -> Sum<'_> {
    Box::new(|| {
        black_box(read_each_line(&data.records));
        Ok(data.sum.into())
    })
}
