//! A page that is changed between its writing and its reading.

use std::error::Error;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::process::ExitCode;

use as_fast_as_memory::lend;
use clap::Parser;
use memmap2::MmapMut;

const PAGE: usize = 4096;

/// A way of bytes into a pipe.
type Put = fn(OwnedFd, &[u8]) -> io::Result<()>;

fn main() -> ExitCode {
    command_line::run(|Arguments {}| compare())
}

// ANCHOR: changed
/// Puts a page into a pipe by each way, then writes to it, then reads the pipe.
fn compare() -> Result<(), Box<dyn Error>> {
    for (how, put) in [("written", write as Put), ("lent", lend)] {
        let mut page = MmapMut::map_anon(PAGE)?;
        page.fill(b'a');
        let (mut reader, writer) = io::pipe()?;
        put(writer.into(), &page)?;
        page.fill(b'b');
        let mut read = [0; PAGE];
        reader.read_exact(&mut read)?;
        let read = char::from(read[0]);
        println!("{how:<7} as a, changed to b, read as {read}");
    }
    Ok(())
}
// ANCHOR_END: changed

fn write(end: OwnedFd, bytes: &[u8]) -> io::Result<()> {
    File::from(end).write_all(bytes)
}

/// Changes a page between its writing to a pipe and its reading
#[derive(Parser)]
struct Arguments {}
