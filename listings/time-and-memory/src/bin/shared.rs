//! Memory that two processes map.

use std::io;
use std::num::NonZeroUsize;
use std::process::ExitCode;

use clap::Parser;
use mem_trace::{MemoryUsage, check_output, trace};
use time_and_memory::worker::Worker;
use time_and_memory::{DataSize, data};

fn main() -> ExitCode {
    command_line::run(share)
}

fn share(Arguments { size }: Arguments) -> io::Result<()> {
    let bytes = NonZeroUsize::new(size.bytes()).ok_or(io::ErrorKind::InvalidInput)?;
    let (half, rest) = data::shared(bytes)?.split_at(bytes.get() / 2);
    trace!("Mapped. {}", MemoryUsage::now());

    let mut child = Worker::fork(1, |parent| {
        trace!("Forked. {}", MemoryUsage::now());
        data::write_shared(half);
        trace!("One half written. {}", MemoryUsage::now());
        parent.swap()?;

        trace!("Nothing done since. {}", MemoryUsage::now());
        data::write_shared(rest);
        trace!("The other half written. {}", MemoryUsage::now());
        parent.swap()
    })?;
    child.turns().take()?;
    trace!("The child has written one half. {}", MemoryUsage::now());
    data::read_shared(half);
    trace!("The same half read here. {}", MemoryUsage::now());
    child.turns().swap()?;

    child.turns().give(0)?;
    child.join()?;
    trace!("The child has ended. {}", MemoryUsage::now());
    data::read_shared(rest);
    trace!("The other half read here. {}", MemoryUsage::now());
    check_output()
}

/// Shows the memory of two processes that map the same data
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    size: DataSize,
}
