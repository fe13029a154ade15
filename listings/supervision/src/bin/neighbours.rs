//! Two workers fill memory, and one of them more than it should. Which does the kernel kill?

use std::error::Error;
use std::hint::black_box;
use std::io::{self, PipeWriter, Read, Write};
use std::process::ExitCode;

use clap::Parser;
use nix::libc;
use nix::unistd::{ForkResult, alarm, fork};
use supervision::cgroup::{Cgroup, or_skip};
use supervision::process::{Process, told};

/// What each worker fills, and what it should have at most, in MiB.
const LARGE: (usize, usize) = (96, 112);
const SMALL: (usize, usize) = (64, 32);

fn main() -> ExitCode {
    command_line::run(
        |arguments: Arguments| {
            if arguments.apart { apart() } else { together() }
        },
    )
}

// ANCHOR: both
/// One cgroup for both.
fn together() -> Result<(), Box<dyn Error>> {
    let cgroup = limited("both", LARGE.1 + SMALL.1);
    fill_both(&cgroup, &cgroup)?;
    println!("their cgroup: {} killed", cgroup.oom_kills()?);
    Ok(())
}

/// A cgroup for each.
fn apart() -> Result<(), Box<dyn Error>> {
    let [large, small] = [limited("large", LARGE.1), limited("small", SMALL.1)];
    fill_both(&large, &small)?;
    println!("the large one's cgroup: {} killed", large.oom_kills()?);
    println!("the small one's cgroup: {} killed", small.oom_kills()?);
    Ok(())
}
// ANCHOR_END: both

fn limited(name: &str, mebibytes: usize) -> Cgroup {
    or_skip(Cgroup::new(name).and_then(|cgroup| {
        cgroup.limit_memory(mebibytes << 20)?;
        println!("a cgroup with {mebibytes} MiB");
        Ok(cgroup)
    }))
}

/// The large worker fills its memory and keeps it, then the small one fills its own.
fn fill_both(large: &Cgroup, small: &Cgroup) -> io::Result<()> {
    let large = Worker::start(large, LARGE.0)?;
    let small = Worker::start(small, SMALL.0)?;
    let [large, small] = [large.end()?, small.end()?];
    println!("large worker, {} MiB: {large}", LARGE.0);
    println!("small worker, {} MiB: {small}", SMALL.0);
    Ok(())
}

struct Worker {
    process: Process,
    /// What it waits for is the end of this.
    go_on: PipeWriter,
}

impl Worker {
    /// Starts one in that cgroup, and comes back when it has filled its memory, or has ended.
    fn start(cgroup: &Cgroup, mebibytes: usize) -> io::Result<Self> {
        let (mut waits, go_on) = io::pipe()?;
        let (mut hears, tells) = io::pipe()?;
        // SAFETY: this program has one thread, so the child may do all that its parent may.
        match unsafe { fork() }? {
            ForkResult::Child => {
                drop((go_on, hears));
                alarm::set(60);
                let kept = cgroup.enter().and_then(|()| {
                    let memory = black_box(vec![1_u8; mebibytes << 20]);
                    (&tells).write_all(&memory[..1])?;
                    let _ = waits.read(&mut [0])?;
                    Ok(memory)
                });
                // SAFETY: `_exit` has no preconditions.
                unsafe { libc::_exit(i32::from(kept.is_err())) }
            }
            ForkResult::Parent { child } => {
                drop(tells);
                let process = Process::open(child)?;
                // A byte, or nothing where it has ended.
                let _ = hears.read(&mut [0])?;
                Ok(Self { process, go_on })
            }
        }
    }

    /// Lets it go on, and says how it ended.
    fn end(self) -> io::Result<String> {
        drop(self.go_on);
        Ok(told(self.process.wait()?))
    }
}

/// Starts two workers that fill memory under the limit of a cgroup
#[derive(Parser)]
struct Arguments {
    /// A cgroup for each worker, not one for both
    #[arg(long)]
    apart: bool,
}
