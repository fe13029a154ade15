//! Your version: the memory behind the pages is to be the system's again, and the mappings are
//! to stay.

use std::io;
use std::process::ExitCode;

use clap::Parser;
use memmap2::{Advice, MmapMut};
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
    command_line::run(give_back_both)
}

fn give_back_both(Arguments { size }: Arguments) -> io::Result<()> {
    let mut memory = MmapMut::map_anon(size.bytes())?;
    let _ = memory.advise(Advice::NoHugePage);
    memory::write(&mut memory, 1);
    show("anonymous, written: ", memory::read(&memory), &memory)?;
    give_back(&mut memory)?;
    println!("anonymous, given back: {}", Usage::of(getpid(), &memory)?);
    show("anonymous, read again: ", memory::read(&memory), &memory)?;

    let file = memory::file(size.bytes())?;
    // SAFETY: nobody else writes to the file, or cuts it, while it is mapped.
    let mut memory = unsafe { MmapMut::map_mut(&file) }?;
    let _ = memory.advise(Advice::NoHugePage);
    show("file, read: ", memory::read(&memory), &memory)?;
    give_back(&mut memory)?;
    println!("file, given back: {}", Usage::of(getpid(), &memory)?);
    show("file, read again: ", memory::read(&memory), &memory)
}

/// Nothing but zeros is left, so nothing is kept.
fn give_back(memory: &mut MmapMut) -> io::Result<()> {
    memory::write(memory, 0);
    Ok(())
}

fn show(what: &str, sum: usize, memory: &[u8]) -> io::Result<()> {
    println!("{what}sum {sum}; {}", Usage::of(getpid(), memory)?);
    Ok(())
}
