//! What the programs of this listing share: a table of requests, the same in Arrow's layout,
//! and what a worker has to say about its memory.

pub mod columns;
pub mod meeting;
pub mod request;
pub mod sealed;
pub mod worker;
pub mod workers;

use std::error::Error;

use clap::Args;
use mem_trace::CountingAllocator;

/// What a program of this listing fails by.
pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Each worker may hold all of them as Rust's own values, at a quarter of a kilobyte each.
const MOST_REQUESTS: usize = 10_000_000;

/// How many requests the table has.
#[derive(Debug, Clone, Copy, Args)]
pub struct Size {
    /// Requests in the table
    #[arg(long, value_name = "N", default_value = "400_000")]
    #[arg(value_parser = command_line::count::<MOST_REQUESTS>)]
    pub requests: usize,
}

/// Bytes in mebibytes.
pub fn mib(bytes: usize) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
