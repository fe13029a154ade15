//! A worker has started other processes. Which of them does a supervisor reach?

use std::error::Error;
use std::io;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use nix::sys::prctl;
use nix::sys::signal::{Signal, killpg};
use supervision::cgroup::{Cgroup, or_skip};
use supervision::family::{self, Family};
use supervision::orphans;
use supervision::process::Process;

/// How a supervisor ends a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Way {
    /// A signal to the worker
    Kill,
    /// A signal to its process group
    Killpg,
    /// The same, and then all orphans
    Orphans,
    /// All of its cgroup
    Cgroup,
}

fn main() -> ExitCode {
    command_line::run(|arguments: Arguments| end_each(&arguments.ways))
}

fn end_each(ways: &[Way]) -> Result<(), Box<dyn Error>> {
    prctl::set_child_subreaper(true)?;
    println!("            worker   child    setsid   daemon   another worker's daemon");
    for way in ways {
        end_one(*way)?;
    }
    Ok(())
}

// ANCHOR: end_one
/// Starts two workers with their families, and ends the first.
fn end_one(way: Way) -> Result<(), Box<dyn Error>> {
    let cgroup = (way == Way::Cgroup).then(|| or_skip(Cgroup::new("reach")));
    let first = family::start(cgroup.as_ref())?;
    let [other, .., others_daemon] = family::start(None)?;
    let [worker, ..] = &first;
    match way {
        Way::Kill => worker.kill()?,
        Way::Killpg => killpg(worker.pid(), Signal::SIGKILL)?,
        Way::Orphans => {
            killpg(worker.pid(), Signal::SIGKILL)?;
            worker.wait()?;
            orphans::end_all_but(&[other.pid()])?;
        }
        Way::Cgroup => or_skip(cgroup.iter().try_for_each(Cgroup::kill)),
    }
    show(way, &first, &others_daemon)?;
    // All that is left of both.
    orphans::end_all_but(&[])?;
    Ok(())
}
// ANCHOR_END: end_one

/// Which of them have ended half a second later.
fn show(way: Way, family: &Family, others_daemon: &Process) -> io::Result<()> {
    let soon = Instant::now() + Duration::from_millis(500);
    let mut line = format!("{:<12}", format!("{way:?}").to_lowercase());
    for process in family.iter().chain([others_daemon]) {
        let ended = process.ends_by(soon)?;
        line += if ended { "ended    " } else { "alive    " };
    }
    println!("{}", line.trim_end());
    Ok(())
}

/// Ends workers in several ways, and prints which of their processes are left
#[derive(Parser)]
struct Arguments {
    /// By which ways
    #[arg(default_values = ["kill", "killpg", "orphans"])]
    ways: Vec<Way>,
}
