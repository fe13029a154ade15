//! Memory that a forked child reads, then writes.

use std::io;
use std::process::ExitCode;

use clap::Parser;
use mem_trace::{MemoryUsage, check_output, trace};
use time_and_memory::worker::Worker;
use time_and_memory::{DataSize, data};

fn main() -> ExitCode {
    command_line::run(fork)
}

// ANCHOR: fork
fn fork(Arguments { size }: Arguments) -> io::Result<()> {
    let bytes = size.bytes();
    let mut data = vec![1; bytes];
    trace!("Before the fork. {}", MemoryUsage::now());

    let mut child = Worker::fork(1, |parent| {
        trace!("Forked. {}", MemoryUsage::now());
        data::read(&data);
        trace!("All read. {}", MemoryUsage::now());
        parent.swap()?;

        data::write(&mut data[..bytes / 10]);
        trace!("A tenth written. {}", MemoryUsage::now());
        parent.swap()?;

        data::write(&mut data);
        trace!("All written. {}", MemoryUsage::now());
        parent.swap()
    })?;
    for what in ["read all", "written a tenth", "written all"] {
        child.turns().take()?;
        trace!("The child has {what}. {}", MemoryUsage::now());
        child.turns().give(0)?;
    }
    child.join()?;
    trace!("The child has ended. {}", MemoryUsage::now());
    check_output()
}
// ANCHOR_END: fork

/// Shows the memory of a forked child that reads its data, then writes to it
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    size: DataSize,
}
