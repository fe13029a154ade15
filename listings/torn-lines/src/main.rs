//! Two writers and one pipe: which lines arrive whole?

use std::error::Error;
use std::io::{self, BufReader, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;
use std::thread;

use clap::{Parser, ValueEnum};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::{Pid, dup2_stderr};
use process_pool::{Descriptor, Pool, StartMethod, Tasks};
use serde::{Deserialize, Serialize};
use torn_lines::{Lines, Tally};

/// What a worker is asked for: the lines of each of its threads.
#[derive(Serialize, Deserialize)]
struct Order {
    threads: Vec<Lines>,
    how: How,
    to: Descriptor,
}

// ANCHOR: write
/// The task: the worker's standard error becomes the pipe, and its threads write.
fn write_lines(order: Order) -> Result<(), String> {
    dup2_stderr(order.to.as_fd()).map_err(|error| format!("the pipe: {error}"))?;
    thread::scope(|scope| {
        for lines in order.threads {
            scope.spawn(move || match order.how {
                How::Eprintln => by_eprintln(lines),
                How::OneWrite => by_one_write(lines),
            });
        }
    });
    Ok(())
}

fn by_eprintln(lines: Lines) {
    let text = String::from(char::from(lines.letter)).repeat(lines.bytes - 1);
    let (name, message) = text.split_at(lines.bytes / 2);
    for _ in 0..lines.count {
        eprintln!("{name}{message}");
    }
}

fn by_one_write(lines: Lines) {
    let line = lines.line();
    for _ in 0..lines.count {
        io::stderr()
            .write_all(&line)
            .expect("the pipe has a reader");
    }
}
// ANCHOR_END: write

fn main() -> ExitCode {
    Tasks::new().add(write_lines).serve_if_worker();
    command_line::run(run)
}

// ANCHOR: run
fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    if arguments.one_core {
        println!("Cores allowed: {}", stay_on_one_core()?);
    }
    let lines = arguments.lines();
    let (from, to) = io::pipe()?;
    let pool = Pool::builder(arguments.method).workers(2).start()?;
    let reader = thread::spawn(move || Tally::of(BufReader::new(from), &lines));
    let to = Descriptor::from(OwnedFd::from(to));

    let threads = if arguments.threads {
        vec![lines.to_vec()]
    } else {
        lines.iter().map(|lines| vec![*lines]).collect()
    };
    println!(
        "2 {} write {} lines each, of {} bytes",
        if arguments.threads {
            "threads"
        } else {
            "processes"
        },
        arguments.lines,
        arguments.bytes
    );
    pool.map(
        write_lines,
        threads.into_iter().map(|threads| Order {
            threads,
            how: arguments.how,
            to: to.clone(),
        }),
    )?
    .into_iter()
    .collect::<Result<(), String>>()?;

    // The reader's end comes when the last descriptor of the other end is closed.
    drop(to);
    drop(pool);
    println!("{}", reader.join().map_err(|_| "the reader panicked")??);
    Ok(())
}
// ANCHOR_END: run

/// Leaves this process one of its cores, and returns how many it has then. The workers
/// inherit that (sched_setaffinity(2)).
fn stay_on_one_core() -> nix::Result<usize> {
    let this = Pid::from_raw(0);
    let allowed = sched_getaffinity(this)?;
    let mut one = CpuSet::new();
    if let Some(core) = (0..CpuSet::count()).find(|core| allowed.is_set(*core) == Ok(true)) {
        one.set(core)?;
    }
    sched_setaffinity(this, &one)?;
    let allowed = sched_getaffinity(this)?;
    Ok((0..CpuSet::count())
        .filter(|core| allowed.is_set(*core) == Ok(true))
        .count())
}

/// Has two writers write many lines into one pipe at one time, and counts the torn ones
#[derive(Parser)]
struct Arguments {
    /// How a line is written
    #[arg(value_enum, default_value = "eprintln")]
    how: How,

    /// Bytes of a line, its newline included
    #[arg(long, default_value = "200", value_parser = command_line::count::<1_000_000>)]
    bytes: usize,

    /// Lines of each writer
    #[arg(long, default_value = "20_000", value_parser = command_line::count::<1_000_000>)]
    lines: usize,

    /// Two threads of one worker write, in place of two workers
    #[arg(long)]
    threads: bool,

    /// All processes run on one core
    #[arg(long)]
    one_core: bool,

    /// How the workers come to be: fork, spawn or fork-server
    #[arg(long, default_value = "spawn")]
    method: StartMethod,
}

impl Arguments {
    fn lines(&self) -> [Lines; 2] {
        [b'A', b'B'].map(|letter| Lines {
            letter,
            bytes: self.bytes,
            count: self.lines,
        })
    }
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, ValueEnum)]
enum How {
    /// By eprintln!, with two arguments
    Eprintln,
    /// Made first, then written by one call
    OneWrite,
}
