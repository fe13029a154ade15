//! A solution: pages that are given back, and what is read from them afterwards.

use std::io;
use std::process::ExitCode;

use clap::Parser;
use memmap2::{Advice, Mmap, MmapMut, UncheckedAdvice};
use nix::unistd::getpid;
use process_memory::Size;
use process_memory::memory;
use process_memory::usage::Usage;

/// Gives pages back, of no file and of a file, and reads them again
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    size: Size,
}

fn main() -> ExitCode {
    command_line::run(give_back)
}

// ANCHOR: solution
fn give_back(Arguments { size }: Arguments) -> io::Result<()> {
    let mut memory = MmapMut::map_anon(size.bytes())?;
    let _ = memory.advise(Advice::NoHugePage);
    memory::write(&mut memory, 1);
    show("anonymous, written: ", memory::read(&memory), &memory)?;
    // SAFETY: no reference to the memory is in use, and any byte is a `u8`.
    unsafe { memory.unchecked_advise(UncheckedAdvice::DontNeed) }?;
    println!("anonymous, given back: {}", Usage::of(getpid(), &memory)?);
    show("anonymous, read again: ", memory::read(&memory), &memory)?;

    let file = memory::file(size.bytes())?;
    // SAFETY: nobody writes to the file, or cuts it, while it is mapped.
    let memory = unsafe { Mmap::map(&file) }?;
    let _ = memory.advise(Advice::NoHugePage);
    show("file, read: ", memory::read(&memory), &memory)?;
    // SAFETY: as above; the file keeps the bytes.
    unsafe { memory.unchecked_advise(UncheckedAdvice::DontNeed) }?;
    println!("file, given back: {}", Usage::of(getpid(), &memory)?);
    show("file, read again: ", memory::read(&memory), &memory)
}
// ANCHOR_END: solution

fn show(what: &str, sum: usize, memory: &[u8]) -> io::Result<()> {
    println!("{what}sum {sum}; {}", Usage::of(getpid(), memory)?);
    Ok(())
}
