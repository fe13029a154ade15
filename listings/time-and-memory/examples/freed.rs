//! A solution: memory that was given back to the allocator, and not to the system.

use std::process::ExitCode;

use clap::Parser;
use mem_trace::{CountingAllocator, MemoryUsage, trace};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Frees all small blocks but the last
#[derive(Parser)]
struct Arguments {}

fn main() -> ExitCode {
    command_line::run(|_: Arguments| {
        free_small_blocks();
        mem_trace::check_output()
    })
}

// ANCHOR: solution
fn free_small_blocks() {
    let blocks = || -> Vec<Box<[u8]>> {
        (0..32_768)
            .map(|_| vec![1; 2048].into_boxed_slice())
            .collect()
    };
    // Looking needs memory too, and glibc keeps the first few blocks of a size that a thread
    // frees. One of them above the others would hold them all: these lie below, and lines are
    // printed at the end.
    for _ in 0..32 {
        MemoryUsage::now();
    }
    let mut seen = Vec::with_capacity(8);
    seen.push(("At the start", MemoryUsage::now()));

    let mut rest = blocks();
    seen.push(("All blocks written", MemoryUsage::now()));
    rest.drain(..rest.len() - 1);
    seen.push(("All but the last freed", MemoryUsage::now()));
    rest.clear();
    seen.push(("The last one freed too", MemoryUsage::now()));

    let mut rest = blocks();
    rest.drain(..rest.len() - 1);
    seen.push(("Again, all but the last freed", MemoryUsage::now()));
    #[cfg(target_env = "gnu")]
    {
        // SAFETY: it gives back pages of free blocks alone.
        unsafe { nix::libc::malloc_trim(0) };
        seen.push(("Trimmed", MemoryUsage::now()));
    }
    drop(rest);
    for (what, memory) in seen {
        trace!("{what}. {memory}");
    }
}
// ANCHOR_END: solution
