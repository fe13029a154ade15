//! Your version: one number that two workers count up. In the end every count is to be there,
//! and then the same work is to be done a second time, in two steps.

use std::error::Error;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use clap::Parser;
use command_line::grouped;
use mem_trace::trace;
use memmap2::{MmapMut, MmapOptions};
use nix::sys::memfd::{MFdFlags, memfd_create};
use process_pool::{Descriptor, Pool, StartMethod, Tasks};

/// Counts in memory that two workers write to, in one step and in two
#[derive(Parser)]
struct Arguments {}

fn main() -> ExitCode {
    Tasks::new().add(in_one_step).serve_if_worker();
    command_line::run(|_: Arguments| count("fetch_add", in_one_step))
}

const WORKERS: u64 = 2;
const TIMES: u64 = 5_000_000;

/// The number in mapped memory.
struct Counter(MmapMut);

impl Counter {
    fn map(memory: &Descriptor) -> io::Result<Self> {
        let mut options = MmapOptions::new();
        options.len(size_of::<AtomicU64>());
        // SAFETY: nobody cuts the memory.
        unsafe { options.map_copy(memory) }.map(Self)
    }

    fn number(&self) -> &AtomicU64 {
        let start = self.0.as_ptr().cast_mut();
        // SAFETY: a map begins at a page, so the number is aligned; it lives as long
        // as `self`; and every process reaches it by this function alone, so that
        // each access is atomic.
        unsafe { AtomicU64::from_ptr(start.cast()) }
    }
}

fn in_one_step(memory: Descriptor) -> Result<(), String> {
    let counter = Counter::map(&memory).map_err(|error| error.to_string())?;
    for _ in 0..TIMES {
        counter.number().fetch_add(1, Relaxed);
    }
    trace!("fetch_add, {} times", grouped(TIMES as usize));
    Ok(())
}

fn count(
    how: &str,
    task: impl Fn(Descriptor) -> Result<(), String> + Copy + 'static,
) -> Result<(), Box<dyn Error>> {
    let memory = File::from(memfd_create(c"counter", MFdFlags::MFD_CLOEXEC)?);
    memory.set_len(size_of::<AtomicU64>() as u64)?;
    let memory = Descriptor::from(OwnedFd::from(memory));

    let pool = Pool::builder(StartMethod::Spawn)
        .workers(WORKERS as usize)
        .start()?;
    for result in pool.map(task, (0..WORKERS).map(|_| memory.clone()))? {
        result?;
    }
    drop(pool);
    let counted = Counter::map(&memory)?.number().load(Relaxed);
    trace!(
        "{how}: counted={} of={}",
        grouped(counted as usize),
        grouped((WORKERS * TIMES) as usize)
    );
    Ok(())
}
