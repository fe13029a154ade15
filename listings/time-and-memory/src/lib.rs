//! What the programs of this listing share: the size of the data, pages to touch, what
//! they print of memory, and a forked worker.

pub mod data;
pub mod report;
pub mod worker;

use clap::Args;
use mem_trace::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// The most that is asked for at once: a quarter of the smallest machine that the book
/// is made for.
const MOST_MIB: usize = 1024;

/// How much data a program works on.
#[derive(Debug, Clone, Copy, Args)]
pub struct DataSize {
    /// How much data, in MiB
    #[arg(long, default_value = "256", value_parser = command_line::count::<MOST_MIB>)]
    mib: usize,
}

impl DataSize {
    /// The same in bytes.
    pub fn bytes(self) -> usize {
        self.mib << 20
    }
}
