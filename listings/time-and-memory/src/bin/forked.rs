//! Memory that a forked child reads, then writes.

use std::io;
use std::process::ExitCode;

use clap::Parser;
use mem_trace::check_output;
use time_and_memory::report::Report;
use time_and_memory::worker::Worker;
use time_and_memory::{DataSize, data};

fn main() -> ExitCode {
    command_line::run(fork)
}

fn fork(Arguments { size }: Arguments) -> io::Result<()> {
    let bytes = size.bytes();
    let mut data = vec![1; bytes];
    let mut report = Report::new()?;
    report.show("Before the fork")?;

    // ANCHOR: fork
    let mut child = Worker::fork(1, |parent| {
        let mut report = Report::new()?;
        report.show("Forked")?;
        let sum = data::read(&data);
        report.show(&format!("All read, a byte of each page: the sum is {sum}"))?;
        parent.swap()?;

        data::write(&mut data[..bytes / 10]);
        report.show("A tenth written")?;
        parent.swap()?;

        data::write(&mut data);
        report.show("All written")?;
        parent.swap()
    })?;
    // ANCHOR_END: fork
    for what in ["read all", "written a tenth", "written all"] {
        child.turns().take()?;
        report.show(&format!("The child has {what}"))?;
        child.turns().give(0)?;
    }
    child.join()?;
    report.show("The child has ended")?;
    check_output()
}

/// Shows the memory of a forked child that reads its data, then writes to it
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    size: DataSize,
}
