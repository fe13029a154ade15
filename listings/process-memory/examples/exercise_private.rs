//! Your version: what is written to the mapping is not to reach the file.

use std::io;
use std::process::ExitCode;

use clap::Parser;
use memmap2::{Advice, Mmap, MmapOptions};
use nix::unistd::getpid;
use process_memory::Size;
use process_memory::memory;
use process_memory::usage::{Cost, Usage, mib};

/// Writes to a mapping of a file
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    size: Size,
}

fn main() -> ExitCode {
    command_line::run(write_privately)
}

fn write_privately(Arguments { size }: Arguments) -> io::Result<()> {
    let file = memory::file(size.bytes())?;
    // SAFETY: nobody else writes to the file, or cuts it, while it is mapped.
    let mut memory = unsafe { MmapOptions::new().map_mut(&file) }?;
    let _ = memory.advise(Advice::NoHugePage);

    let (sum, cost) = Cost::of(|| memory::read(&memory))?;
    show("each page read", sum, &memory, cost)?;
    let ((), cost) = Cost::of(|| memory::write(&mut memory, 2))?;
    show("each page written", memory::read(&memory), &memory, cost)?;

    // SAFETY: as above.
    let shared = unsafe { Mmap::map(&file) }?;
    println!("the file                   sum {}", memory::read(&shared));
    Ok(())
}

fn show(what: &str, sum: usize, memory: &[u8], cost: Cost) -> io::Result<()> {
    let usage = Usage::of(getpid(), memory)?;
    println!("private, {what:<18}{usage}; {:>5} faults", cost.faults);
    println!(
        "private, {what:<18}anonymous {} MiB, sum {sum}",
        mib(usage.anonymous)
    );
    Ok(())
}
