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
    let mut blocks: Vec<Box<[u8]>> = (0..65_536)
        .map(|_| vec![1; 1024].into_boxed_slice())
        .collect();
    trace!("All blocks written. {}", MemoryUsage::now());

    blocks.drain(..blocks.len() - 1);
    trace!("All but the last freed. {}", MemoryUsage::now());

    #[cfg(target_env = "gnu")]
    {
        // SAFETY: it gives back pages of free blocks alone.
        unsafe { nix::libc::malloc_trim(0) };
        trace!("Trimmed. {}", MemoryUsage::now());
    }
    drop(blocks);
}
// ANCHOR_END: solution
