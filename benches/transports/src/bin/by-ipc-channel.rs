//! Channels of the crate ipc-channel, one pair for each worker: the parts as bytes, or in
//! memory that is shared.
//!
//! ```text
//! cargo run --release -p transports --bin by-ipc-channel -- bytes
//! ```

use std::process::{Child, ExitCode};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use clap::{Parser, ValueEnum};
use ipc_channel::IpcError;
use ipc_channel::ipc::{
    IpcBytesReceiver, IpcBytesSender, IpcOneShotServer, IpcReceiver, IpcSender, IpcSharedMemory,
    bytes_channel, channel,
};
use serde::{Deserialize, Serialize};
use transports::contender::Task;
use transports::workers::{feed, this_program};

fn main() -> ExitCode {
    command_line::run(|arguments: Arguments| match arguments.worker {
        Some(server) => serve(arguments.way, server),
        None => {
            let start = |_number| Worker::start(arguments.way);
            let sums = |records: &_| feed(records, start, Worker::sum, Worker::end);
            arguments.task.measure(sums)
        }
    })
}

/// Sums the parts that come through ipc-channel
#[derive(Parser)]
struct Arguments {
    way: Way,

    #[command(flatten)]
    task: Task,

    #[arg(long, hide = true)]
    worker: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Way {
    /// The part goes through the channel
    Bytes,
    /// The part is copied to shared memory, whose descriptor goes through the channel
    Shared,
}

impl Way {
    fn word(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Shared => "shared",
        }
    }
}

#[derive(Serialize, Deserialize)]
enum Parts {
    Bytes(IpcBytesSender),
    Shared(IpcSender<IpcSharedMemory>),
}

/// What a worker sends to its parent: where to send parts, and where to receive sums.
type Ends = (Parts, IpcReceiver<f64>);

struct Worker {
    parts: Parts,
    sums: IpcReceiver<f64>,
    process: Child,
}

impl Worker {
    fn start(way: Way) -> Result<Self> {
        let (server, name) = IpcOneShotServer::<Ends>::new()?;
        let process = this_program(&name)?.arg(way.word()).spawn()?;
        let (_, (parts, sums)) = server.accept()?;
        Ok(Self {
            parts,
            sums,
            process,
        })
    }

    fn sum(&mut self, part: Bytes) -> Result<f64> {
        match &self.parts {
            Parts::Bytes(sender) => sender.send(&part)?,
            Parts::Shared(sender) => sender.send(IpcSharedMemory::from_bytes(&part))?,
        }
        Ok(self.sums.recv()?)
    }

    fn end(mut self) -> Result<()> {
        drop(self.parts);
        ensure!(self.process.wait()?.success(), "the worker failed");
        Ok(())
    }
}

fn serve(way: Way, server: String) -> Result<()> {
    let (sums, received_sums) = channel()?;
    let (sender, parts) = match way {
        Way::Bytes => {
            let (sender, receiver) = bytes_channel()?;
            (Parts::Bytes(sender), Received::Bytes(receiver))
        }
        Way::Shared => {
            let (sender, receiver) = channel()?;
            (Parts::Shared(sender), Received::Shared(receiver))
        }
    };
    let ends: Ends = (sender, received_sums);
    IpcSender::connect(server)?.send(ends)?;
    while let Some(sum) = parts.sum_of_next()? {
        sums.send(sum)?;
    }
    Ok(())
}

enum Received {
    Bytes(IpcBytesReceiver),
    Shared(IpcReceiver<IpcSharedMemory>),
}

impl Received {
    /// `None` when the parent has gone.
    fn sum_of_next(&self) -> Result<Option<f64>> {
        let sum = match self {
            Self::Bytes(parts) => parts.recv().map(|part| transports::sum(&part)),
            Self::Shared(parts) => parts.recv().map(|part| transports::sum(&part)),
        };
        match sum {
            Ok(sum) => sum.map(Some),
            Err(IpcError::Disconnected) => Ok(None),
            Err(error) => Err(error).context("expected a part"),
        }
    }
}
