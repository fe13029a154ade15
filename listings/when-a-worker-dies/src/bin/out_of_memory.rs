//! A cgroup with two workers in it runs out of memory. Which one does the kernel kill?

use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{self, Command, ExitCode};
use std::thread;
use std::time::Duration;

use clap::Parser;
use process_pool::{Pool, StartMethod, Tasks};

/// "It cannot run here", for who runs this program.
const SKIPPED: i32 = 77;

const LIMIT_MB: usize = 64;

fn main() -> ExitCode {
    Tasks::new().add(fill).serve_if_worker();
    command_line::run(|arguments: Arguments| match arguments.inside {
        Some(cgroup) => fill_two(arguments.method, &cgroup),
        None => limit_memory(arguments.method),
    })
}

/// Starts this program anew, to go on in a cgroup of its own.
fn limit_memory(method: StartMethod) -> Result<(), Box<dyn Error>> {
    let cgroup = Cgroup::with_limit(LIMIT_MB << 20).unwrap_or_else(|why| {
        println!("Skipped: no cgroup with a limit of memory can be made here: {why}");
        process::exit(SKIPPED);
    });
    let status = Command::new("/proc/self/exe")
        .arg(method.to_string())
        .arg("--inside")
        .arg(&cgroup.path)
        .status()?;
    println!("the pool's process ended: {status}");
    println!("the kernel counts {}", cgroup.kills()?);
    Ok(())
}

/// Fills so much memory, and keeps it for a second.
fn fill(megabytes: usize) -> usize {
    let memory = black_box(vec![1_u8; megabytes << 20]);
    thread::sleep(Duration::from_secs(1));
    memory.len() >> 20
}

fn fill_two(method: StartMethod, cgroup: &Path) -> Result<(), Box<dyn Error>> {
    // This process is in it from here on, and so is each one that it starts.
    fs::write(cgroup.join("cgroup.procs"), "0")?;
    let pool = Pool::builder(method).workers(2).start()?;
    let mut calls = Vec::new();
    for megabytes in [16, 256] {
        calls.push(pool.submit(fill, megabytes)?);
        // By then it has what it gets.
        thread::sleep(Duration::from_millis(300));
    }
    for call in calls {
        match call.wait() {
            Ok(filled) => println!("{filled} MB filled"),
            Err(error) => println!("{error}"),
        }
    }
    Ok(())
}

/// A group of processes with limits of their own (cgroups(7)).
struct Cgroup {
    path: PathBuf,
    counter: &'static str,
}

impl Cgroup {
    /// A new one, below the root of the hierarchy that has the memory controller.
    fn with_limit(bytes: usize) -> io::Result<Self> {
        let v1 = Path::new("/sys/fs/cgroup/memory");
        let v2 = Path::new("/sys/fs/cgroup");
        // In version 1 a limit of memory and swap, in version 2 one of swap alone.
        let (root, limit, swap, counter) = if v1.exists() {
            let swap = ("memory.memsw.limit_in_bytes", bytes);
            (v1, "memory.limit_in_bytes", swap, "memory.oom_control")
        } else {
            (v2, "memory.max", ("memory.swap.max", 0), "memory.events")
        };
        let path = root.join(format!("when-a-worker-dies-{}", process::id()));
        fs::create_dir(&path)?;
        let cgroup = Self { path, counter };
        fs::write(cgroup.path.join(limit), bytes.to_string())?;
        // Not there where the kernel does not account for swap.
        let _ = fs::write(cgroup.path.join(swap.0), swap.1.to_string());
        Ok(cgroup)
    }

    /// The line `oom_kill N` of its counters.
    fn kills(&self) -> io::Result<String> {
        let counters = fs::read_to_string(self.path.join(self.counter))?;
        let mut lines = counters.lines().map(str::to_owned);
        lines
            .find(|line| line.starts_with("oom_kill "))
            .ok_or_else(|| io::Error::other(format!("no oom_kill in {}", self.counter)))
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // Its processes have ended: it can go.
        let _ = fs::remove_dir(&self.path);
    }
}

/// Two workers in a cgroup fill memory, and one of them more than it may
#[derive(Parser)]
struct Arguments {
    /// How the workers come to be: fork, spawn or fork-server
    #[arg(default_value = "spawn")]
    method: StartMethod,

    /// The cgroup to go on in
    #[arg(long, hide = true)]
    inside: Option<PathBuf>,
}
