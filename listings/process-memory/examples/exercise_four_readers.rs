//! Your version: each of the four readers is to add up the file, with at most 32 MiB of private
//! memory, and without a copy of it.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::process::ExitCode;

use clap::Parser;
use nix::libc;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};
use process_memory::Size;
use process_memory::memory;

/// Has four processes read one file
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    size: Size,
}

const READERS: usize = 4;

fn main() -> ExitCode {
    command_line::run(read_by_four)
}

fn read_by_four(Arguments { size }: Arguments) -> io::Result<()> {
    let file = memory::file(size.bytes())?;
    let mut readers = Vec::new();
    for number in 1..=READERS {
        // SAFETY: this process has one thread, so the child may do all that it may.
        match unsafe { fork() }? {
            ForkResult::Child => {
                match sum(&file) {
                    Ok(sum) => println!("reader {number}: sum {sum}"),
                    Err(error) => println!("reader {number}: {error}"),
                }
                // SAFETY: `_exit` has no preconditions.
                unsafe { libc::_exit(0) }
            }
            ForkResult::Parent { child } => readers.push(child),
        }
    }
    for reader in readers {
        let end = waitpid(reader, None)?;
        if end != WaitStatus::Exited(reader, 0) {
            return Err(io::Error::other(format!("a reader ended: {end:?}")));
        }
    }
    Ok(())
}

/// The sum of one byte of each page.
fn sum(mut file: &File) -> io::Result<usize> {
    file.rewind()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(memory::read(&bytes))
}
