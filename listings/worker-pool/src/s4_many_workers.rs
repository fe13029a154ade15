//! Step 4: several workers, one queue, and a thread that feeds each worker.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use nix::libc;
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork};

use crate::s3_frames::{receive, send};

const WORKERS: usize = 3;

struct Worker {
    process: Pid,
    socket: UnixStream,
}

pub fn run() -> io::Result<()> {
    // All forks before the first thread: a fork copies one thread, and the locks of all.
    let mut workers: Vec<Worker> = Vec::new();
    for number in 1..=WORKERS {
        let (ours, mut theirs) = UnixStream::pair()?;
        // SAFETY: no thread has been started yet, so no lock is held by another.
        match unsafe { fork() }? {
            ForkResult::Child => {
                // The ends that the parent keeps, of this worker and of those before.
                drop((ours, workers));
                let served = serve(&mut theirs);
                if let Ok(batches) = &served {
                    println!("worker {number} ends after {batches} batches");
                }
                // SAFETY: `_exit` has no preconditions. `println!` has written the line.
                unsafe { libc::_exit(i32::from(served.is_err())) }
            }
            ForkResult::Parent { child } => workers.push(Worker {
                process: child,
                socket: ours,
            }),
        }
    }

    // Taken from the front by whichever feeder is free; the number is the batch's place.
    let queue = Mutex::new((0_u64..9).enumerate());
    let results = Mutex::new(vec![None; 9]);
    thread::scope(|scope| {
        let feeders: Vec<_> = workers
            .iter_mut()
            .map(|worker| {
                let feeder = thread::Builder::new();
                feeder.spawn_scoped(scope, || feed(worker, &queue, &results))
            })
            .collect::<io::Result<_>>()?;
        feeders.into_iter().try_for_each(|feeder| {
            feeder
                .join()
                .map_err(|_| io::Error::other("a feeder panicked"))?
        })
    })?;
    let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    let squares: Vec<u64> = results.into_iter().flatten().collect();
    println!("9 batches by {WORKERS} workers, in order: {squares:?}");

    for Worker { process, socket } in workers {
        drop(socket);
        println!("ended: {:?}", waitpid(process, None)?);
    }
    Ok(())
}

// ANCHOR: feed
/// One request, then its reply: the two sides never both wait to write.
fn feed(
    worker: &mut Worker,
    queue: &Mutex<impl Iterator<Item = (usize, u64)>>,
    results: &Mutex<Vec<Option<u64>>>,
) -> io::Result<()> {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
        let Some((batch, argument)) = next else {
            return Ok(());
        };
        send(&mut worker.socket, &argument.to_ne_bytes())?;
        let answer = receive(&mut worker.socket)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let answer = number(&answer)?;
        results.lock().unwrap_or_else(PoisonError::into_inner)[batch] = Some(answer);
    }
}
// ANCHOR_END: feed

/// How many batches it served until the stream ended.
fn serve(socket: &mut UnixStream) -> io::Result<usize> {
    let mut batches = 0;
    while let Some(argument) = receive(socket)? {
        // A task that takes some time: nobody gets all of them.
        thread::sleep(Duration::from_millis(30));
        let square = number(&argument)?.pow(2);
        send(socket, &square.to_ne_bytes())?;
        batches += 1;
    }
    Ok(batches)
}

fn number(bytes: &[u8]) -> io::Result<u64> {
    let bytes = bytes.try_into().map_err(io::Error::other)?;
    Ok(u64::from_ne_bytes(bytes))
}
