//! A global allocator that fork knows nothing of.

use std::error::Error;
use std::hint::black_box;
use std::process::ExitCode;

use clap::Parser;
use dlmalloc::{GlobalDlmalloc, enable_alloc_after_fork};
use forking_with_threads::beside::children_beside;
use nix::unistd::fork;

// ANCHOR: allocator
#[global_allocator]
static ALLOCATOR: GlobalDlmalloc = GlobalDlmalloc;

fn allocate_beside_a_thread(handlers: bool) -> Result<(), Box<dyn Error>> {
    if handlers {
        // SAFETY: the crate wants this before anything is allocated, and the arguments have
        // been. In dlmalloc 0.2.14 the call registers three handlers and does no more; they
        // leave what is allocated as it is, and no other thread is here that could fork.
        unsafe { enable_alloc_after_fork() };
    }
    // SAFETY: an allocation changes nothing outside this process.
    let outcome = unsafe { children_beside(|| drop(black_box(vec![1u8; 100])), fork) }?;
    println!("vec! of 100 bytes, by dlmalloc: {outcome}");
    Ok(())
}
// ANCHOR_END: allocator

/// Forks children beside a thread that allocates, with dlmalloc for the allocator
#[derive(Parser)]
struct Arguments {
    /// Have the allocator register its handlers for forks first
    #[arg(long)]
    handlers: bool,
}

fn main() -> ExitCode {
    command_line::run(|arguments: Arguments| allocate_beside_a_thread(arguments.handlers))
}
