//! Every way to the sum. Most are one change from the one before it.

use std::error::Error;

use as_fast_as_memory::lend;
use process_pool::Tasks;
use records::Record;

use crate::data::Data;

mod inherited;
mod mapped;
mod read;
mod remote;
mod sent;
mod streamed;
mod threads;

/// How many records a worker takes at a time where it need not have them all, about a
/// mebibyte of them.
const CHUNK: usize = (1 << 20) / size_of::<Record>();

/// What is timed. What it holds goes when that is over.
pub type Sum<'a> = Box<dyn FnMut() -> Result<Found, Box<dyn Error>> + 'a>;

pub struct Found {
    pub sum: f64,
    /// Page faults of workers that go on, which nobody else counts.
    pub faults: i64,
}

impl From<f64> for Found {
    fn from(sum: f64) -> Self {
        Self { sum, faults: 0 }
    }
}

pub struct Way {
    pub name: &'static str,
    /// What has to be there before the time begins, and then the sum.
    pub prepare: for<'a> fn(&'a Data) -> Result<Sum<'a>, Box<dyn Error>>,
}

/// What all others are compared with.
pub const BASELINE: &str = "one thread";

const fn way(
    name: &'static str,
    prepare: for<'a> fn(&'a Data) -> Result<Sum<'a>, Box<dyn Error>>,
) -> Way {
    Way { name, prepare }
}

// ANCHOR: ways
pub const WAYS: &[Way] = &[
    way(BASELINE, |data| Ok(threads::sum(data, 1))),
    way("the same bytes, read and no more", |data| {
        Ok(threads::read(data))
    }),
    way("threads", |data| Ok(threads::sum(data, data.workers))),
    way("threads of rayon", |data| Ok(threads::by_rayon(data))),
    way("workers that do nothing", |data| Ok(sent::nothing(data))),
    way("sent by one feeder", |data| Ok(sent::by_one_feeder(data))),
    way("sent by a feeder each", |data| {
        Ok(sent::in_batches(data, 1))
    }),
    way("in 8 batches a worker", |data| {
        Ok(sent::in_batches(data, 8))
    }),
    way("in 64 batches a worker", |data| {
        Ok(sent::in_batches(data, 64))
    }),
    way("streamed, a socket", |data| {
        Ok(streamed::sum(data, streamed::socket, streamed::write))
    }),
    way("streamed, a large socket", |data| {
        Ok(streamed::sum(data, streamed::large_socket, streamed::write))
    }),
    way("streamed, a pipe", |data| {
        Ok(streamed::sum(data, streamed::pipe, streamed::write))
    }),
    way("streamed, a pipe of 1 MiB", |data| {
        Ok(streamed::sum(data, streamed::large_pipe, streamed::write))
    }),
    way("vmsplice, a pipe of 1 MiB", |data| {
        Ok(streamed::sum(data, streamed::large_pipe, lend))
    }),
    way("process_vm_readv", remote::sum),
    way("a memfd, written", |data| Ok(mapped::written(data))),
    way("a memfd, filled in place", |data| {
        Ok(mapped::filled(data, mapped::empty))
    }),
    way("a memfd, prefaulted, then filled", mapped::prefaulted),
    way("a memfd, filled before", mapped::memfd),
    way("the file, read", read::sum),
    way("the file, mapped", mapped::file),
    way("the file, populated", mapped::populated_file),
    way("the file, by workers that stay", mapped::kept),
    way("inherited, small pages", inherited::in_small_pages),
    way("inherited, huge pages", inherited::in_huge_pages),
    way("the column alone, a memfd", mapped::column),
    way("a byte a value, a memfd", mapped::bytes),
];
// ANCHOR_END: ways

pub use streamed::room;
pub use threads::wake_cores;

/// The functions that workers call.
pub fn add_tasks(tasks: Tasks) -> Tasks {
    tasks
        .add(sent::do_nothing)
        .add(sent::sum_batch)
        .add(streamed::sum_stream)
        .add(remote::sum_remote)
        .add(read::sum_read)
        .add(mapped::sum_records)
        .add(mapped::keep_and_sum)
        .add(mapped::sum_again)
        .add(mapped::sum_column)
        .add(mapped::sum_bytes)
        .add(inherited::sum_inherited)
}
