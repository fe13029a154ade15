//! Processes that map one file, and whether they fit into the machine.

use std::io;
use std::process::ExitCode;

use clap::Parser;
use memmap2::{Advice, Mmap};
use nix::unistd::{SysconfVar, sysconf};
use process_memory::Size;
use process_memory::memory::{self, page};
use process_memory::readers::Readers;
use process_memory::usage::{Usage, mib};

/// Adds up the memory of processes that map one file, until it is more than the machine has
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    size: Size,
}

fn main() -> ExitCode {
    command_line::run(add_up)
}

// ANCHOR: add_up
fn add_up(Arguments { size }: Arguments) -> io::Result<()> {
    let machine = memory_of_the_machine()?;
    let file = memory::file(size.bytes())?;
    // SAFETY: nobody writes to the file, or cuts it, while it is mapped.
    let memory = unsafe { Mmap::map(&file) }?;
    let _ = memory.advise(Advice::NoHugePage);

    let count = machine / size.bytes() + 1;
    let readers = Readers::fork(count, &memory)?;
    let usages = readers.pids().iter().map(|&pid| Usage::of(pid, &memory));
    let sum = usages.sum::<io::Result<Usage>>()?;
    drop(readers);

    let [size, machine] = [size.bytes(), machine].map(|bytes| mib(bytes as u64));
    let [shares, resident] = [sum.proportional, sum.resident].map(mib);
    println!("{count} processes have read one file of {size} MiB.");
    println!("Their shares (PSS), added up: {shares} MiB");
    println!("Resident in them, added up: {resident} MiB");
    println!("The machine has {machine} MiB.");
    if resident > machine {
        return Err(io::Error::other(format!(
            "the processes have {resident} MiB, and this machine has {machine} MiB"
        )));
    }
    Ok(())
}
// ANCHOR_END: add_up

/// In bytes, free or not.
fn memory_of_the_machine() -> io::Result<usize> {
    match sysconf(SysconfVar::_PHYS_PAGES)? {
        Some(pages) => Ok(pages as usize * page()),
        None => Err(io::Error::other(
            "this system does not tell how much memory it has",
        )),
    }
}
