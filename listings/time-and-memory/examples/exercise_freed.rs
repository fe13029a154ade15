//! Your version: memory that has gone back to the allocator is to go back to the system.

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

fn free_small_blocks() {
    let blocks = || -> Vec<Box<[u8]>> {
        (0..32_768)
            .map(|_| vec![1; 2048].into_boxed_slice())
            .collect()
    };
    trace!("At the start. {}", MemoryUsage::now());

    let mut rest = blocks();
    trace!("All blocks written. {}", MemoryUsage::now());
    rest.drain(..rest.len() - 1);
    trace!("All but the last freed. {}", MemoryUsage::now());
    rest.clear();
    trace!("The last one freed too. {}", MemoryUsage::now());

    let mut rest = blocks();
    rest.drain(..rest.len() - 1);
    trace!("Again, all but the last freed. {}", MemoryUsage::now());
    drop(rest);
    trace!("Trimmed. {}", MemoryUsage::now());
}
