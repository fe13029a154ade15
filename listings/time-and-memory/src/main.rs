//! Memory that is asked for, touched and given back.

use std::fs;
use std::io;
use std::process::ExitCode;

use clap::Parser;
use mem_trace::{MemoryUsage, check_output, trace};
use time_and_memory::DataSize;
use time_and_memory::data::{self, PAGE};

/// Where the system says whether private memory comes in huge pages.
const HUGE_PAGES: &str = "/sys/kernel/mm/transparent_hugepage/enabled";

fn main() -> ExitCode {
    command_line::run(allocate)
}

// ANCHOR: allocate
fn allocate(Arguments { size }: Arguments) -> io::Result<()> {
    let bytes = size.bytes();
    let huge_pages = fs::read_to_string(HUGE_PAGES).unwrap_or_default();
    trace!("Huge pages: {}", huge_pages.trim());
    trace!("At the start. {}", MemoryUsage::now());

    let mut data: Vec<u8> = Vec::with_capacity(bytes);
    trace!("Reserved, not touched. {}", MemoryUsage::now());

    let (half, rest) = data.spare_capacity_mut().split_at_mut(bytes / 2);
    for byte in half.iter_mut().step_by(PAGE) {
        byte.write(1);
    }
    trace!("One half touched. {}", MemoryUsage::now());
    for byte in rest.iter_mut().step_by(PAGE) {
        byte.write(1);
    }
    trace!("All touched. {}", MemoryUsage::now());

    drop(data);
    trace!("Freed. {}", MemoryUsage::now());

    let mut zeros = vec![0; bytes];
    trace!("Zeros. {}", MemoryUsage::now());
    data::read(&zeros);
    trace!("Zeros, all read. {}", MemoryUsage::now());
    data::write(&mut zeros);
    trace!("Zeros, all written. {}", MemoryUsage::now());
    check_output()
}
// ANCHOR_END: allocate

/// Shows what the figures of memory count, as memory is asked for, touched and given back
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    size: DataSize,
}
