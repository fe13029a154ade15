//! What the memory of a process is made of, and what a descriptor leads to.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::process::ExitCode;

use clap::Parser;
use mem_trace::used_address_space;
use memmap2::{Advice, Mmap, MmapMut};
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::unistd::{dup, getpid};
use process_memory::Size;
use process_memory::memory::{self, page};
use process_memory::readers::Readers;
use process_memory::usage::{Cost, Usage, mib};

/// Shows what the system counts of memory that is mapped, read, written and shared
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    size: Size,
}

fn main() -> ExitCode {
    command_line::run(look)
}

fn look(Arguments { size }: Arguments) -> io::Result<()> {
    let bytes = size.bytes();
    let [page, mib, pages] = [page(), bytes >> 20, bytes / page()];
    println!("A page has {page} bytes; {mib} MiB are {pages} pages.");
    anonymous(bytes)?;
    of_a_file(bytes)?;
    descriptors()
}

// ANCHOR: anonymous
/// Memory of no file: mapped, then a byte of each page read, then written.
fn anonymous(bytes: usize) -> io::Result<()> {
    let before = used_address_space().unwrap_or_default();
    let (memory, cost) = Cost::of(|| MmapMut::map_anon(bytes))?;
    let mut memory = memory?;
    // Small pages, whatever this system's huge pages are set to. A kernel without any
    // refuses, and has small pages alone.
    let _ = memory.advise(Advice::NoHugePage);
    let grown = mib(used_address_space().unwrap_or_default() - before);
    println!("The address space has {grown} MiB more.");
    show("anonymous, mapped", &memory, cost)?;

    let (_, cost) = Cost::of(|| memory::read(&memory))?;
    show("anonymous, each page read", &memory, cost)?;
    println!("The page table has {} KiB more.", cost.page_table_kib);

    let ((), cost) = Cost::of(|| memory::write(&mut memory, 1))?;
    show("anonymous, each page written", &memory, cost)
}
// ANCHOR_END: anonymous

// ANCHOR: of_a_file
/// Memory of a file: written, then mapped and read, by this process and by another.
fn of_a_file(bytes: usize) -> io::Result<()> {
    let file = memory::file(bytes)?;
    let held = mib(file.metadata()?.blocks() * 512);
    println!("The file is written, and holds {held} MiB of memory.");
    // SAFETY: nobody writes to the file, or cuts it, while it is mapped.
    let (memory, cost) = Cost::of(|| unsafe { Mmap::map(&file) })?;
    let memory = memory?;
    let _ = memory.advise(Advice::NoHugePage);
    show("file, mapped", &memory, cost)?;

    let (_, cost) = Cost::of(|| memory::read(&memory))?;
    show("file, each page read", &memory, cost)?;

    let readers = Readers::fork(1, &memory)?;
    let parent = Usage::of(getpid(), &memory)?;
    let child = Usage::of(readers.pids()[0], &memory)?;
    println!("{:<30}{parent}", "file, read by a child: parent");
    println!("{:<30}{child}", "file, read by a child: child");
    let both: Usage = [parent, child].into_iter().sum();
    println!("{:<30}{both}", "file, read by a child: both");
    Ok(())
}
// ANCHOR_END: of_a_file

// ANCHOR: descriptors
/// One file, and three descriptors: how far has each of them read?
fn descriptors() -> io::Result<()> {
    let mut first = File::from(memfd_create(c"words", MFdFlags::MFD_CLOEXEC)?);
    first.write_all(b"fork, spawn, share")?;
    first.rewind()?;
    let copy = File::from(dup(&first)?);
    let second = File::open(format!("/proc/self/fd/{}", first.as_raw_fd()))?;
    let all = [(&first, "open"), (&copy, "dup"), (&second, "a second open")];
    for (mut file, how) in all {
        let mut word = [0; 6];
        file.read_exact(&mut word)?;
        let flags = FdFlag::from_bits_retain(fcntl(file, FcntlArg::F_GETFD)?);
        println!(
            "descriptor {}, by {how}: reads {:?}, stands at byte {}, close-on-exec {}",
            file.as_raw_fd(),
            word.escape_ascii().to_string(),
            file.stream_position()?,
            flags.contains(FdFlag::FD_CLOEXEC)
        );
    }
    Ok(())
}
// ANCHOR_END: descriptors

/// What this process has of `memory` after a step, and what the step took.
fn show(what: &str, memory: &[u8], cost: Cost) -> io::Result<()> {
    let usage = Usage::of(getpid(), memory)?;
    println!("{what:<30}{usage}; {:>5} faults", cost.faults);
    Ok(())
}
