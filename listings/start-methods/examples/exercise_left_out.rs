//! Your version: the second fork is to leave the block out, and the parent is to keep it.

use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use memmap2::{Advice, MmapMut};
use nix::libc;
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, fork};

/// Times a fork beside a large block of memory that the child gets, and that it does not get
#[derive(Parser)]
struct Arguments {
    /// The block's size in MiB
    #[arg(long, default_value = "512", value_parser = command_line::count::<65_536>)]
    mib: usize,
}

fn measure(mib: usize) -> Result<(), Box<dyn Error>> {
    let mut block = MmapMut::map_anon(mib << 20)?;
    block.advise(Advice::NoHugePage)?;
    block.fill(1);
    let with = fork_ms()?;
    let without = fork_ms()?;
    println!("a fork with the block: {with:.3} ms");
    println!("a fork without it: {without:.3} ms");
    Ok(())
}

/// The least of some forks, each with the end of its child: other work only adds to it.
fn fork_ms() -> Result<f64, Box<dyn Error>> {
    let mut least = f64::INFINITY;
    for _ in 0..15 {
        let start = Instant::now();
        // SAFETY: the child calls `_exit` and nothing else.
        match unsafe { fork() }? {
            // SAFETY: `_exit` has no preconditions.
            ForkResult::Child => unsafe { libc::_exit(0) },
            ForkResult::Parent { child } => waitpid(child, None)?,
        };
        least = least.min(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(least)
}

fn main() -> ExitCode {
    command_line::run(|arguments: Arguments| measure(arguments.mib))
}
