//! The records travel through a socket or a pipe, and no worker ever has many of them.

use std::error::Error;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::thread;

use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::socket::{getsockopt, setsockopt, sockopt};
use process_pool::{Descriptor, Pool, StartMethod};
use records::{Record, batches, nansum};
use serde::{Deserialize, Serialize};

use super::{CHUNK, Sum};
use crate::data::Data;

/// The end that is read, and the one that is written.
type Ends = io::Result<(OwnedFd, OwnedFd)>;

#[derive(Serialize, Deserialize)]
pub struct Stream {
    end: Descriptor,
    records: usize,
}

pub fn sum_stream(stream: Stream) -> Result<f64, String> {
    let end = stream.end.as_fd().try_clone_to_owned();
    let mut source = File::from(end.map_err(|error| error.to_string())?);
    // ANCHOR: chunks
    let mut chunk = vec![bytemuck::Zeroable::zeroed(); CHUNK.min(stream.records)];
    let mut sum = 0.0;
    let mut left = stream.records;
    while left > 0 {
        let records: &mut [Record] = &mut chunk[..CHUNK.min(left)];
        let read = source.read_exact(bytemuck::cast_slice_mut(records));
        read.map_err(|error| format!("expected {left} more records: {error}"))?;
        sum += nansum(records);
        left -= records.len();
    }
    // ANCHOR_END: chunks
    Ok(sum)
}

/// Each worker reads its part from a stream of its own, which a thread writes.
pub fn sum(
    data: &Data,
    ends: fn() -> Ends,
    write: fn(OwnedFd, &[u8]) -> io::Result<()>,
) -> Sum<'_> {
    Box::new(move || {
        let pool = Pool::builder(StartMethod::Spawn).workers(data.workers);
        let pool = pool.start()?;
        thread::scope(|scope| {
            let mut tasks = Vec::new();
            for range in batches(data.records.len(), data.workers) {
                let (read_end, write_end) = ends()?;
                let stream = Stream {
                    end: read_end.into(),
                    records: range.len(),
                };
                tasks.push(pool.submit(sum_stream, stream)?);
                let bytes = bytemuck::cast_slice(&data.records[range]);
                scope.spawn(move || write(write_end, bytes));
            }
            let mut sum = 0.0;
            for task in tasks {
                // Where a write failed, the worker is the one that tells.
                sum += task.wait()??;
            }
            Ok::<_, Box<dyn Error>>(sum.into())
        })
    })
}

pub fn socket() -> Ends {
    let (reader, writer) = UnixStream::pair()?;
    Ok((reader.into(), writer.into()))
}

/// With 4 MiB of room, or as much as the system lets a socket have (socket(7), `wmem_max`).
pub fn large_socket() -> Ends {
    let (reader, writer) = socket()?;
    setsockopt(&writer, sockopt::SndBuf, &(4 << 20))?;
    Ok((reader, writer))
}

/// Bytes for which a socket as it is and a large one have room. Part of it is the kernel's own
/// (socket(7), `SO_SNDBUF`).
pub fn room() -> io::Result<[usize; 2]> {
    let of = |ends: Ends| Ok::<_, io::Error>(getsockopt(&ends?.1, sockopt::SndBuf)?);
    Ok([of(socket())?, of(large_socket())?])
}

pub fn pipe() -> Ends {
    let (reader, writer) = io::pipe()?;
    Ok((reader.into(), writer.into()))
}

/// With 1 MiB of room in place of 64 KiB (pipe(7), `F_SETPIPE_SZ`).
pub fn large_pipe() -> Ends {
    let (reader, writer) = pipe()?;
    fcntl(&writer, FcntlArg::F_SETPIPE_SZ(1 << 20))?;
    Ok((reader, writer))
}

pub fn write(end: OwnedFd, bytes: &[u8]) -> io::Result<()> {
    File::from(end).write_all(bytes)
}
