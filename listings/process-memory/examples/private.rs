//! A solution: a private mapping of a file, read, then written.

use std::io;
use std::process::ExitCode;

use clap::Parser;
use memmap2::{Advice, Mmap, MmapOptions};
use nix::unistd::getpid;
use process_memory::Size;
use process_memory::memory;
use process_memory::usage::{Cost, Usage, mib};

/// Writes to a private mapping of a file
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    size: Size,
}

fn main() -> ExitCode {
    command_line::run(write_privately)
}

// ANCHOR: solution
fn write_privately(Arguments { size }: Arguments) -> io::Result<()> {
    let file = memory::file(size.bytes())?;
    // SAFETY: nobody writes to the file, or cuts it, while it is mapped; this mapping is
    // private, so what is written to it does not reach the file (mmap(2)).
    let mut memory = unsafe { MmapOptions::new().map_copy(&file) }?;
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
// ANCHOR_END: solution

fn show(what: &str, sum: usize, memory: &[u8], cost: Cost) -> io::Result<()> {
    let usage = Usage::of(getpid(), memory)?;
    println!("private, {what:<18}{usage}; {:>5} faults", cost.faults);
    println!(
        "private, {what:<18}anonymous {} MiB, sum {sum}",
        mib(usage.anonymous)
    );
    Ok(())
}
