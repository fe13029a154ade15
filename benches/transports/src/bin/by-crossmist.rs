//! Processes and channels of the crate crossmist, one for each worker.
//!
//! ```text
//! cargo run --release -p transports --bin by-crossmist
//! ```

use std::process::ExitCode;

use anyhow::{Context, Result};
use bytes::Bytes;
use clap::Parser;
use crossmist::{Child, Duplex, duplex};
use transports::contender::Task;
use transports::workers::feed;

fn main() -> ExitCode {
    // What the attribute `crossmist::main` writes, which takes no exit code.
    crossmist::init();
    command_line::run(|arguments: Arguments| {
        arguments
            .task
            .measure(|records| feed(records, Worker::start, Worker::sum, Worker::end))
    })
}

/// Sums the parts that come through crossmist's channels
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    task: Task,
}

/// What crossmist decodes element by element: the fewer there are, the better for it.
type Words = Vec<u64>;

struct Worker {
    channel: Duplex<Words, f64>,
    process: Child<()>,
}

impl Worker {
    fn start(_number: usize) -> Result<Self> {
        let (channel, theirs) = duplex()?;
        let process = serve.spawn(theirs)?;
        Ok(Self { channel, process })
    }

    fn sum(&mut self, part: Bytes) -> Result<f64> {
        let words = bytemuck::cast_slice(&part).to_vec();
        Ok(self.channel.request(&words)?)
    }

    fn end(self) -> Result<()> {
        drop(self.channel);
        self.process.join().context("the worker failed")
    }
}

#[crossmist::func]
fn serve(mut parent: Duplex<f64, Words>) {
    while let Some(words) = parent.recv().expect("a part") {
        let sum = transports::sum(bytemuck::cast_slice(&words)).expect("whole records");
        parent.send(&sum).expect("a parent that waits");
    }
}
