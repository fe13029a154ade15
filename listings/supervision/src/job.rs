//! Jobs that workers are given, and how most of them go wrong.

use std::fs::File;
use std::hint::black_box;
use std::io::{self, Write};
use std::time::Duration;

use clap::ValueEnum;
use memmap2::MmapMut;
use nix::unistd::{ForkResult, alarm, fork, pause, setsid};

// ANCHOR: job
/// What a worker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Job {
    /// Adds up numbers, and says the sum
    Adds,
    /// Asks for 1 GiB of memory
    Hoards,
    /// Opens files, and closes none
    Leaks,
    /// Computes without end
    Spins,
    /// Waits for something that does not come
    Hangs,
    /// Does the same, and has started a child for it
    Delegates,
    /// Has started a child, and that one has called setsid(2)
    Escapes,
}
// ANCHOR_END: job

impl Job {
    /// Does it: what the worker says in the end, if it comes to one.
    ///
    /// # Errors
    ///
    /// What the system refuses.
    pub fn run(self) -> io::Result<String> {
        match self {
            Self::Adds => begin(|| Ok((1..=1_000_000_u64).sum::<u64>().to_string())),
            Self::Hoards => begin(|| Ok(format!("{} bytes", MmapMut::map_anon(1 << 30)?.len()))),
            Self::Leaks => begin(|| {
                let files = (0..1000).map(|_| File::open("/dev/null"));
                let files = files.collect::<io::Result<Vec<_>>>()?;
                Ok(format!("{} files", files.len()))
            }),
            Self::Spins => begin(|| {
                loop {
                    black_box(());
                }
            }),
            Self::Hangs => begin(|| Ok(wait())),
            Self::Delegates => with_a_child(|| Ok(())),
            Self::Escapes => with_a_child(|| setsid().map(drop).map_err(io::Error::from)),
        }
    }

    /// How long its supervisor waits: as long as it takes where a limit ends it.
    pub fn deadline(self) -> Duration {
        match self {
            Self::Adds | Self::Hoards | Self::Leaks | Self::Spins => Duration::from_secs(50),
            Self::Hangs | Self::Delegates | Self::Escapes => Duration::from_millis(500),
        }
    }
}

/// Says that the job has begun, by an empty line, and does the rest.
fn begin(rest: impl FnOnce() -> io::Result<String>) -> io::Result<String> {
    io::stdout().write_all(b"\n")?;
    rest()
}

/// Starts a child, which has what its parent has, and in it does what comes `first`. Both wait.
fn with_a_child(first: impl FnOnce() -> io::Result<()>) -> io::Result<String> {
    // SAFETY: a worker has one thread, so the child may do all that its parent may (fork(2)).
    match unsafe { fork() }? {
        ForkResult::Parent { .. } => Ok(wait()),
        ForkResult::Child => {
            first()?;
            begin(|| Ok(wait()))
        }
    }
}

/// Waits for a signal, and not for ever, whatever becomes of the supervisor. It says nothing.
fn wait() -> String {
    alarm::set(60);
    loop {
        pause();
    }
}
