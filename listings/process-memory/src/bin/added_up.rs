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

    let readers = Readers::fork(machine / size.bytes() + 1, &memory)?;
    let usages: Vec<Usage> = readers
        .pids()
        .iter()
        .map(|&pid| Usage::of(pid, &memory))
        .collect::<io::Result<_>>()?;
    drop(readers);

    let count = usages.len();
    println!(
        "{count} processes have read one file of {} MiB.",
        mib(size.bytes() as u64)
    );
    let sum: Usage = usages.into_iter().sum();
    println!(
        "Their shares (PSS), added up: {} MiB",
        mib(sum.proportional)
    );
    println!("Resident in them, added up: {} MiB", mib(sum.resident));
    println!("The machine has {} MiB.", mib(machine as u64));
    if sum.resident > machine as u64 {
        return Err(io::Error::other(format!(
            "the processes have {} MiB, and this machine has {} MiB",
            mib(sum.resident),
            mib(machine as u64)
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
