//! Two ways to a new process, with nothing around them; then the notes' table, each row of
//! it an experiment.

mod block;
mod children;
mod copy_on_write;
mod cost;
mod descriptors;
mod findings;
mod memory;
mod portability;
mod security;
mod signals;

use std::error::Error;
use std::io::{self, Write};
use std::process::{self, Command, ExitCode};

use clap::{Parser, ValueEnum};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork, getpid, getppid};
use process_pool::Tasks;

use crate::findings::Findings;

/// Shows what a child begins with, by fork and by spawn, and measures the notes' table
#[derive(Parser)]
struct Arguments {
    /// One child, or one row of the table, or all of them
    #[arg(value_enum, default_value = "table")]
    run: Run,

    /// The most memory that the parent takes in the rows memory and cost, in MiB
    #[arg(long, value_name = "MIB", default_value = "4096", value_parser = command_line::count::<1_048_576>)]
    most: usize,
}

#[derive(Clone, Copy, ValueEnum)]
enum Run {
    /// fork(2): the child is a copy of this process
    Fork,
    /// posix_spawn(3): the child is this program, started anew
    Spawn,
    /// fork(2), with a child that runs on into its parent's code
    RunsOn,
    /// The notes' table, with what this machine makes of each row
    Table,
    /// Row 1: memory of parent and child, step by step
    Memory,
    /// Row 2: what a write copies after a fork
    CopyOnWrite,
    /// Row 3: what starting a child costs, by the size of its parent
    Cost,
    /// Row 4: what exists where
    Portability,
    /// Row 5: descriptors, their ends, offsets and locks
    Descriptors,
    /// Row 6: handlers, masks, pending signals
    Signals,
    /// Row 7: addresses, secrets, random numbers
    Security,
    /// What the spawned child does
    #[value(hide = true)]
    Child,
    /// A child that ends at once
    #[value(hide = true)]
    Nothing,
    /// A child that tells which files it has open
    #[value(hide = true)]
    OpenFiles,
    /// A child that reads four bytes
    #[value(hide = true)]
    ReadFour,
    /// A child that tells where things lie
    #[value(hide = true)]
    Addresses,
    /// A child that tells what its environment holds
    #[value(hide = true)]
    Environment,
    /// A child that tells how much of it is shared
    #[value(hide = true)]
    SharedText,
}

fn main() -> ExitCode {
    // Timed from outside: nothing stands above it.
    if std::env::args_os()
        .nth(1)
        .is_some_and(|role| role == cost::NOTHING)
    {
        return ExitCode::SUCCESS;
    }
    Tasks::new().add(memory::step).serve_if_worker();
    command_line::run(run)
}

fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    match arguments.run {
        Run::Fork => by_fork()?,
        Run::Spawn => by_spawn()?,
        Run::RunsOn => by_fork_and_on()?,
        Run::Table => {
            for row in ROWS {
                let findings = row(arguments.most)?;
                say(&format!("{}\n", findings.row))?;
            }
        }
        Run::Memory => tell(memory_row(arguments.most)?)?,
        Run::CopyOnWrite => tell(copy_on_write::measure()?)?,
        Run::Cost => tell(cost::measure(arguments.most)?)?,
        Run::Portability => tell(portability::measure()?)?,
        Run::Descriptors => tell(descriptors::measure()?)?,
        Run::Signals => tell(signals::measure()?)?,
        Run::Security => tell(security::measure()?)?,
        Run::Child => in_child(),
        Run::Nothing => {}
        Run::OpenFiles => say(&descriptors::watched_files())?,
        Run::ReadFour => say(&descriptors::read_four())?,
        Run::Addresses => say(&security::addresses())?,
        Run::Environment => say(&security::environment())?,
        Run::SharedText => say(&copy_on_write::shared_text())?,
    }
    Ok(())
}

/// An experiment in a parent of at most so many MiB.
type Experiment = fn(usize) -> Result<Findings, Box<dyn Error>>;

/// The rows of the notes' table, in its order.
const ROWS: [Experiment; 7] = [
    memory_row,
    |_| copy_on_write::measure(),
    cost::measure,
    |_| Ok(portability::measure()?),
    |_| descriptors::measure(),
    |_| signals::measure(),
    |_| security::measure(),
];

/// Half a gibibyte, or an eighth of what is free where that is less.
fn memory_row(most_mib: usize) -> Result<Findings, Box<dyn Error>> {
    let free = mem_trace::available_memory().unwrap_or(4 << 30) as usize;
    memory::measure((512.min(most_mib) << 20).min(free / 8))
}

/// An experiment's lines, then its row.
fn tell(findings: Findings) -> io::Result<()> {
    for line in &findings.lines {
        say(line)?;
    }
    say("")?;
    say(&findings.row.to_string())
}

fn say(line: &str) -> io::Result<()> {
    io::stdout().write_all(format!("{line}\n").as_bytes())
}

// ANCHOR: state
/// What both processes look at. Its initial value is part of the program file.
static mut STATE: &str = "as in the program file";

fn state() -> &'static str {
    // SAFETY: this process has one thread, and no reference to STATE is kept.
    unsafe { STATE }
}

fn set_state(value: &'static str) {
    // SAFETY: as in `state`.
    unsafe { STATE = value }
}
// ANCHOR_END: state

// ANCHOR: fork
fn by_fork() -> io::Result<()> {
    set_state("changed by the parent");
    show("Parent", "before the fork");

    // SAFETY: this process has one thread, so the child may do all that it may.
    match unsafe { fork() }? {
        ForkResult::Child => {
            in_child();
            process::exit(0);
        }
        ForkResult::Parent { child } => {
            let status = waitpid(child, None)?;
            if status != WaitStatus::Exited(child, 0) {
                return Err(io::Error::other(format!("the child ended: {status:?}")));
            }
        }
    }
    show("Parent", "after the child has ended");
    Ok(())
}
// ANCHOR_END: fork

// ANCHOR: runs_on
/// As `by_fork`, without the line that ends the child.
fn by_fork_and_on() -> io::Result<()> {
    set_state("changed by the parent");
    // SAFETY: as in `by_fork`.
    if let ForkResult::Parent { child } = unsafe { fork() }? {
        waitpid(child, None)?;
    } else {
        in_child();
    }
    show("Parent", "after the child has ended");
    Ok(())
}
// ANCHOR_END: runs_on

// ANCHOR: spawn
fn by_spawn() -> io::Result<()> {
    set_state("changed by the parent");
    show("Parent", "before the spawn");

    let status = Command::new("/proc/self/exe").arg("child").status()?;
    if !status.success() {
        return Err(io::Error::other(format!("the child ended with {status}")));
    }
    show("Parent", "after the child has ended");
    Ok(())
}
// ANCHOR_END: spawn

// ANCHOR: child
fn in_child() {
    show("Child", "as it begins");
    set_state("changed by the child");
    show("Child", "before it ends");
}
// ANCHOR_END: child

fn show(who: &str, when: &str) {
    let line = format!(
        "{who} {} (of {}) {when}: state at {:p} is {:?}\n",
        getpid(),
        getppid(),
        &raw const STATE,
        state()
    );
    // In one piece, so that nothing waits in a buffer when the process is copied.
    if let Err(error) = io::stdout().write_all(line.as_bytes()) {
        eprintln!("error: cannot print: {error}");
        process::exit(1);
    }
}
