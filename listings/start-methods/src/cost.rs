//! Row 3: what starting a child costs, against the size of its parent.

use std::error::Error;
use std::fmt;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use mem_trace::available_memory;
use nix::sched::{CloneFlags, clone};
use nix::sys::signal::Signal;
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, fork};
use process_pool::{Pool, StartMethod};

use crate::block::{Block, Pages};
use crate::children::{Question, leave};
use crate::findings::{Findings, Row};

/// How often each way is tried at each size: the median is reported.
const TRIES: usize = 31;

/// What the parent has in memory beside itself, in MiB.
const SIZES_MIB: [usize; 6] = [0, 256, 512, 1024, 2048, 4096];

/// A child that ends at once.
pub const NOTHING: Question = ("nothing", String::new);

/// A way to start a child that ends at once: the first three execute no program, the others do.
#[derive(Clone, Copy)]
enum Way {
    Fork,
    Vfork,
    ForkServer,
    Spawn,
    PreExec,
    VforkExec,
}

impl Way {
    const ALL: [Self; 6] = [
        Self::Fork,
        Self::Vfork,
        Self::ForkServer,
        Self::Spawn,
        Self::PreExec,
        Self::VforkExec,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Fork => "fork",
            Self::Vfork => "vfork",
            Self::ForkServer => "fork-server",
            Self::Spawn => "spawn",
            Self::PreExec => "pre_exec",
            Self::VforkExec => "vfork+exec",
        }
    }

    /// From before the start until the child has been reaped.
    fn time(self) -> Result<Duration, Box<dyn Error>> {
        let start = Instant::now();
        match self {
            Self::Fork => by_fork()?,
            Self::Vfork => by_vfork(|| 0)?,
            Self::ForkServer => drop(Pool::builder(StartMethod::ForkServer).workers(1).start()?),
            Self::Spawn => by_command(&mut command())?,
            Self::PreExec => {
                let mut command = command();
                // SAFETY: the closure does nothing at all.
                unsafe { command.pre_exec(|| Ok(())) };
                by_command(&mut command)?;
            }
            Self::VforkExec => by_vfork(execute_nothing)?,
        }
        Ok(start.elapsed())
    }
}

fn by_fork() -> io::Result<()> {
    // SAFETY: the child calls `_exit` and nothing else, which any process may (signal-safety(7)).
    match unsafe { fork() }? {
        ForkResult::Child => leave(0),
        ForkResult::Parent { child } => waitpid(child, None).map(drop).map_err(Into::into),
    }
}

/// This program anew, with the question that ends it at the top of `main`.
fn command() -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg(NOTHING.0).stdin(Stdio::null());
    command
}

fn by_command(command: &mut Command) -> io::Result<()> {
    command.status().map(drop)
}

/// vfork(2), as far as it can be had: the child borrows this process's memory, on a
/// stack of its own, until it executes a program or ends.
fn by_vfork(child: fn() -> isize) -> io::Result<()> {
    let mut stack = vec![0; 64 << 10];
    let flags = CloneFlags::CLONE_VM | CloneFlags::CLONE_VFORK;
    // SAFETY: this thread waits until the child has executed or ended (CLONE_VFORK), so the
    // stack outlives the child's use of it; the child allocates nothing and takes no lock.
    let child = unsafe {
        clone(
            Box::new(child),
            &mut stack,
            flags,
            Some(Signal::SIGCHLD as i32),
        )
    }?;
    waitpid(child, None).map(drop).map_err(Into::into)
}

/// What `command` executes, without an environment.
fn execute_nothing() -> isize {
    let null = std::ptr::null();
    let program = c"/proc/self/exe".as_ptr();
    let arguments = [program, c"nothing".as_ptr(), null];
    let environment = [null];
    // SAFETY: the strings end in NUL and the lists in a null pointer.
    unsafe { nix::libc::execve(program, arguments.as_ptr(), environment.as_ptr()) };
    127
}

/// Times in milliseconds.
struct Times {
    least: f64,
    median: f64,
    most: f64,
    all: f64,
    tries: usize,
}

impl Times {
    fn of(way: Way) -> Result<Self, Box<dyn Error>> {
        let mut times = Vec::with_capacity(TRIES);
        for _ in 0..TRIES {
            times.push(way.time()?.as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        // A tenth of the tries at each end is the machine's other business.
        Ok(Self {
            least: times[TRIES / 10],
            median: times[TRIES / 2],
            most: times[TRIES - 1 - TRIES / 10],
            all: times.iter().sum(),
            tries: times.len(),
        })
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            least,
            median,
            most,
            ..
        } = self;
        write!(f, "{median:.3} ms ({least:.3} to {most:.3})")
    }
}

/// Each way at each size that fits this machine, in small and in huge pages.
pub fn measure(most_mib: usize) -> Result<Findings, Box<dyn Error>> {
    // Keeps one server for all tries: started once, before this process grows.
    let server = Pool::builder(StartMethod::ForkServer).workers(1).start()?;
    let room = available_memory().unwrap_or(4 << 30) / 10 * 7;
    let mut lines = Vec::new();
    let mut growth = Vec::new();
    let (mut tries, mut all) = (0, 0.0);
    for pages in [Pages::Small, Pages::Huge] {
        let mut blocks = Vec::new();
        let mut medians: Vec<[f64; Way::ALL.len()]> = Vec::new();
        let mut filled = 0;
        for size in SIZES_MIB.into_iter().filter(|&size| size <= most_mib) {
            if (size << 20) as u64 > room {
                lines.push(format!(
                    "{:<11} {size:>5} MiB do not fit: this machine has {} MiB free for it",
                    pages.name(),
                    room >> 20
                ));
                continue;
            }
            if size > filled {
                blocks.push(Block::new((size - filled) << 20, pages)?);
                filled = size;
            }
            let mut row = [0.0; Way::ALL.len()];
            for (way, median) in Way::ALL.into_iter().zip(&mut row) {
                // The pool of `server` has a thread, which waits: no child needs what it might hold.
                let times = Times::of(way)?;
                *median = times.median;
                tries += times.tries;
                all += times.all;
                lines.push(format!(
                    "{:<11} {size:>5} MiB  {:<11} {times}",
                    pages.name(),
                    way.name()
                ));
            }
            medians.push(row);
        }
        growth.push((filled, medians));
    }
    drop(server);
    lines.push(format!("All {tries} tries together: {:.3} s", all / 1e3));
    let of = |pages: usize, way: usize| {
        let (_, medians) = &growth[pages];
        (medians[0][way], medians[medians.len() - 1][way])
    };
    let (fork_small, fork_large) = of(0, Way::Fork as usize);
    let (spawn_small, spawn_large) = of(0, Way::Spawn as usize);
    let (_, fork_huge) = of(1, Way::Fork as usize);
    Ok(Findings {
        lines,
        row: Row {
            about: "Performance",
            measured: format!(
                "fork {fork_small:.2} ms in an empty parent, {fork_large:.2} ms with {} MiB in small \
                 pages, {fork_huge:.2} ms in huge ones; spawn {spawn_small:.2} and {spawn_large:.2} ms",
                growth[0].0
            ),
        },
    })
}
