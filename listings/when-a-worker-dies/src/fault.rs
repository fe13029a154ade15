//! Seven ways for a process to end before its work is done.

use std::hint::black_box;
use std::io;
use std::process;

use clap::ValueEnum;
use memmap2::Mmap;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{Signal, raise};
use serde::{Deserialize, Serialize};

/// What goes wrong.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ValueEnum)]
pub enum Fault {
    /// Somebody sends SIGKILL
    Kill,
    /// The code panics
    Panic,
    /// The code aborts
    Abort,
    /// The code exits, and tells nobody why
    Exit,
    /// A function calls itself for ever
    Stack,
    /// More memory is asked for than the process may have
    Memory,
    /// A mapped file is cut short, and then read
    File,
}

/// Does it: a call that comes back has done no harm, and says why.
pub fn end(fault: Fault) -> String {
    let failed = match fault {
        Fault::Kill => raise(Signal::SIGKILL).map_err(io::Error::from),
        Fault::Panic => panic!("nothing to divide by"),
        Fault::Abort => process::abort(),
        Fault::Exit => process::exit(3),
        Fault::Stack => Err(io::Error::other(depth(0).to_string())),
        Fault::Memory => allocate_beyond_the_limit(),
        Fault::File => read_beyond_the_end(),
    };
    format!("still here: {failed:?}")
}

fn depth(so_far: u64) -> u64 {
    // Not the last thing it does: each call needs a frame of its own.
    if black_box(true) {
        depth(so_far + 1) + 1
    } else {
        so_far
    }
}

/// Of the address space, in bytes: far more than any of these programs has mapped.
const LIMIT: u64 = 1 << 30;

fn allocate_beyond_the_limit() -> io::Result<()> {
    setrlimit(Resource::RLIMIT_AS, LIMIT, LIMIT)?;
    black_box(vec![0_u8; 2 * LIMIT as usize]);
    Ok(())
}

fn read_beyond_the_end() -> io::Result<()> {
    let file = tempfile::tempfile()?;
    file.set_len(4096)?;
    // SAFETY: the condition, a file that does not change, is broken on purpose. Nothing
    // is read from the map but what ends the process.
    let map = unsafe { Mmap::map(&file) }?;
    file.set_len(0)?;
    black_box(map[0]);
    Ok(())
}
