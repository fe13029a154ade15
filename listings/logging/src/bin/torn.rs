//! Lines of several processes through one pipe: torn, and not.

use std::error::Error;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::process::ExitCode;
use std::thread;

use clap::Parser;
use logging::{handlers, module_scope};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, send, socketpair};
use nix::unistd::Pid;
use process_pool::{Descriptor, Pool, StartMethod, Tasks};
use serde::{Deserialize, Serialize};

/// The length of a line that a pipe takes whole in one write, and of one that it need
/// not: PIPE_BUF is 4096 bytes here (pipe(7)).
const SHORT: usize = 200;
const LONG: usize = 12_000;

/// Lines of each worker: enough for both to be at it at one time.
const SHORT_LINES: usize = 20_000;
const LONG_LINES: usize = 500;

fn main() -> ExitCode {
    module_scope();
    Tasks::new().add(write_lines).serve_if_worker();
    command_line::run(count)
}

/// Has two workers write many lines at one time, and counts the torn ones
#[derive(Parser)]
struct Arguments {
    /// How the lines get to where they are read
    #[arg(value_enum, default_value = "two-writes")]
    how: How,

    /// How the workers come to be: fork, spawn or fork-server
    #[arg(long, default_value = "spawn")]
    method: StartMethod,

    /// Do not give the processor away between the two writes of a line
    #[arg(long)]
    no_yield: bool,

    /// Let both workers run on one core alone
    #[arg(long)]
    one_core: bool,
}

/// How a worker's lines get to where they are read.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, clap::ValueEnum)]
enum How {
    /// Short lines, each in two writes
    TwoWrites,
    /// Short lines, each in one write
    OneWrite,
    /// Long lines, each in one write
    Long,
    /// Long lines, each a message to a collector that alone writes
    Collector,
}

impl How {
    fn length(self) -> usize {
        match self {
            Self::TwoWrites | Self::OneWrite => SHORT,
            Self::Long | Self::Collector => LONG,
        }
    }

    fn lines(self) -> usize {
        match self {
            Self::TwoWrites | Self::OneWrite => SHORT_LINES,
            Self::Long | Self::Collector => LONG_LINES,
        }
    }
}

/// What a worker is asked for.
#[derive(Serialize, Deserialize)]
struct Order {
    to: Descriptor,
    letter: u8,
    how: How,
    yields: bool,
}

// ANCHOR: write
/// The task: lines of one letter each, by which a torn one is known.
fn write_lines(order: Order) -> Result<(), String> {
    let mut line = vec![order.letter; order.how.length()];
    line.push(b'\n');
    for _ in 0..order.how.lines() {
        write_line(&order, &line).map_err(|error| error.to_string())?;
    }
    let cores = cores().map_err(|error| error.to_string())?.len();
    handlers::print(format_args!(
        "{} lines written, cores allowed: {cores}",
        order.how.lines()
    ));
    Ok(())
}

fn write_line(order: &Order, line: &[u8]) -> io::Result<()> {
    let mut to = File::from(order.to.as_fd().try_clone_to_owned()?);
    match order.how {
        How::TwoWrites => {
            let (first, second) = line.split_at(line.len() / 2);
            to.write_all(first)?;
            if order.yields {
                // Another process may run here.
                thread::yield_now();
            }
            to.write_all(second)
        }
        How::OneWrite | How::Long => to.write_all(line),
        How::Collector => {
            let sent = send(order.to.as_raw_fd(), line, MsgFlags::MSG_NOSIGNAL)?;
            debug_assert_eq!(sent, line.len(), "a packet is sent whole or not at all");
            Ok(())
        }
    }
}
// ANCHOR_END: write

// ANCHOR: read
/// Two workers write at one time; how many of their lines arrive torn.
fn count(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let Arguments { how, method, .. } = arguments;
    if arguments.one_core {
        // The workers inherit it (sched_setaffinity(2)).
        let mut core = CpuSet::new();
        core.set(cores()?[0])?;
        sched_setaffinity(Pid::from_raw(0), &core)?;
    }
    let (from, to) = match how {
        How::Collector => socketpair(
            AddressFamily::Unix,
            SockType::SeqPacket,
            None,
            SockFlag::SOCK_CLOEXEC,
        )?,
        _ => io::pipe().map(|(from, to)| (OwnedFd::from(from), OwnedFd::from(to)))?,
    };
    let pool = Pool::builder(method).workers(2).start()?;
    let reader = thread::spawn(move || match how {
        How::Collector => collect(from),
        _ => read_lines(from),
    });
    let to = Descriptor::from(to);
    let writers: Vec<_> = [b'A', b'B']
        .into_iter()
        .map(|letter| {
            let to = to.clone();
            let yields = !arguments.no_yield;
            let order = Order {
                to,
                letter,
                how,
                yields,
            };
            pool.submit(write_lines, order)
        })
        .collect::<Result<_, _>>()?;
    // The end of the pipe comes when the last writing end is closed: this one, too.
    drop(to);
    for writer in writers {
        writer.wait()??;
    }
    drop(pool);
    let lines = reader.join().map_err(|_| "the reader panicked")??;
    let whole = |line: &[u8]| line.len() == how.length() && pieces(line).len() == 1;
    let torn: Vec<_> = lines.iter().filter(|line| !whole(line)).collect();
    handlers::print(format_args!(
        "{} lines of {} bytes: {} torn",
        lines.len(),
        how.length(),
        torn.len()
    ));
    if let Some(first) = torn.first() {
        handlers::print(format_args!(
            "the first torn line: {}",
            pieces(first).join(", ")
        ));
    }
    Ok(())
}

/// How often each letter comes in a row: "100 A".
fn pieces(line: &[u8]) -> Vec<String> {
    line.chunk_by(|one, next| one == next)
        .map(|piece| format!("{} {}", piece.len(), char::from(piece[0])))
        .collect()
}

/// The cores that this process may run on.
fn cores() -> nix::Result<Vec<usize>> {
    let allowed = sched_getaffinity(Pid::from_raw(0))?;
    let cores = (0..CpuSet::count()).filter(|core| allowed.is_set(*core) == Ok(true));
    Ok(cores.collect())
}

fn read_lines(from: OwnedFd) -> io::Result<Vec<Vec<u8>>> {
    BufReader::new(File::from(from)).split(b'\n').collect()
}

/// The collector: one reader of whole messages. In a logger it would be the one that writes
/// them to the file.
fn collect(from: OwnedFd) -> io::Result<Vec<Vec<u8>>> {
    let mut lines = Vec::new();
    let mut packet = vec![0; 2 * LONG];
    loop {
        match recv(from.as_raw_fd(), &mut packet, MsgFlags::empty())? {
            0 => return Ok(lines),
            length => lines.push(packet[..length - 1].to_vec()),
        }
    }
}
// ANCHOR_END: read
