//! Memory that is asked for, touched and given back.

use std::fs;
use std::io;
use std::process::ExitCode;

use clap::Parser;
use mem_trace::{check_output, trace};
use time_and_memory::DataSize;
use time_and_memory::data::{self, PAGE};
use time_and_memory::report::Report;

/// Where the system says whether private memory comes in huge pages.
const HUGE_PAGES: &str = "/sys/kernel/mm/transparent_hugepage/enabled";

fn main() -> ExitCode {
    command_line::run(allocate)
}

fn allocate(Arguments { size }: Arguments) -> io::Result<()> {
    let bytes = size.bytes();
    let huge_pages = fs::read_to_string(HUGE_PAGES).unwrap_or_default();
    trace!("Huge pages: {}", huge_pages.trim());
    let mut report = Report::new()?;
    report.show("At the start")?;

    // ANCHOR: allocate
    let mut data: Vec<u8> = Vec::with_capacity(bytes);
    report.show("Reserved, not touched")?;

    let (half, rest) = data.spare_capacity_mut().split_at_mut(bytes / 2);
    for byte in half.iter_mut().step_by(PAGE) {
        byte.write(1);
    }
    report.show("One half touched")?;
    for byte in rest.iter_mut().step_by(PAGE) {
        byte.write(1);
    }
    report.show("All touched")?;

    drop(data);
    report.show("Freed")?;
    // ANCHOR_END: allocate

    let mut zeros = vec![0; bytes];
    report.show("Zeros")?;
    let sum = data::read(&zeros);
    report.show(&format!("Zeros, all read: the sum is {sum}"))?;
    data::write(&mut zeros);
    report.show("Zeros, all written")?;
    check_output()
}

/// Shows what the figures of memory count, as memory is asked for, touched and given back
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    size: DataSize,
}
