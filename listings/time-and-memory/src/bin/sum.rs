//! Four workers over one array, and whether they keep to what they may use.

use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use mem_trace::{MemoryUsage, check_output, mebibytes, trace};
use time_and_memory::worker::Worker;
use time_and_memory::{DataSize, data};

fn main() -> ExitCode {
    command_line::run(sum)
}

/// How each process's memory is counted before it is added up.
#[derive(Clone, Copy, ValueEnum)]
enum View {
    /// Every page that it has (RSS).
    Resident,
    /// Its share of every page that it has (PSS).
    Proportional,
}

const WORKERS: usize = 4;

fn sum(Arguments { view, size }: Arguments) -> io::Result<()> {
    let bytes = size.bytes();
    let asked = NonZeroUsize::new(bytes).ok_or(io::ErrorKind::InvalidInput)?;
    let allowed = 2 * bytes as u64;
    let data = data::shared(asked)?;
    data::write_shared(data);
    trace!(
        "Asked for {} MB; {} MB are allowed.",
        mebibytes(bytes as u64),
        mebibytes(allowed)
    );

    let mut workers: Vec<Worker> = (1..=WORKERS)
        .map(|number| {
            Worker::fork(number, |parent| {
                data::read_shared(data);
                parent.swap()?;
                // Every worker has read all by now.
                let used = view.now()?;
                trace!("{view} {} MB", mebibytes(used));
                parent.give(used)?;
                parent.take().map(drop)
            })
        })
        .collect::<io::Result<_>>()?;
    for worker in &mut workers {
        worker.turns().take()?;
    }
    let mut used = view.now()?;
    trace!("{view} {} MB", mebibytes(used));
    for worker in &mut workers {
        worker.turns().give(0)?;
        used += worker.turns().take()?;
    }
    for mut worker in workers {
        worker.turns().give(0)?;
        worker.join()?;
    }
    trace!("All processes: {view} {} MB", mebibytes(used));
    if used > allowed {
        return Err(io::Error::other(format!(
            "the processes use {} MB, and {} MB are allowed",
            mebibytes(used),
            mebibytes(allowed)
        )));
    }
    check_output()
}

impl View {
    /// This process's memory now, in bytes.
    fn now(self) -> io::Result<u64> {
        let usage = MemoryUsage::now();
        let bytes = match self {
            View::Resident => usage.resident,
            View::Proportional => usage.proportional,
        };
        bytes.ok_or_else(|| io::Error::other("this system does not tell"))
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            View::Resident => "RSS",
            View::Proportional => "PSS",
        })
    }
}

/// Adds up the memory of four workers over one array, against what is allowed
#[derive(Parser)]
struct Arguments {
    /// How each process's memory is counted
    #[arg(value_enum, default_value = "proportional")]
    view: View,

    #[command(flatten)]
    size: DataSize,
}
