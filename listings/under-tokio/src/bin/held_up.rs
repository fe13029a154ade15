//! What stops the other tasks of a runtime while a worker is waited for.

use std::any::Any;
use std::error::Error;
use std::io::{self, Read};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::panic;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use clap::Parser;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use under_tokio::heartbeat::Heartbeat;

/// Counts the ticks of a task while others wait for processes
#[derive(Parser)]
struct Arguments {}

/// How long a child sleeps, and for how long nobody reads at a socket's other end.
const MEANWHILE: Duration = Duration::from_millis(300);
/// Of the task that counts.
const TICK: Duration = Duration::from_millis(10);

fn main() -> ExitCode {
    command_line::run(|_: Arguments| -> Result<(), Box<dyn Error>> {
        // Two threads, as on a machine with two cores.
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        runtime.block_on(waits())?;
        runtime.block_on(sockets())
    })
}

// ANCHOR: waits
/// Children that sleep 0.3 s, and a task for each that waits for it.
async fn waits() -> Result<(), Box<dyn Error>> {
    for children in 1..=2 {
        let ticks = ticks_while(children, |waiting| {
            let mut child = std::process::Command::new("sleep").arg("0.3").spawn()?;
            Ok(async move {
                waiting.fetch_add(1, Relaxed);
                let _ = child.wait();
                waiting.fetch_sub(1, Relaxed);
            })
        });
        println!("std's wait, children {children}: ticks {}", ticks.await?);
    }
    let ticks = ticks_while(2, |waiting| {
        let mut child = tokio::process::Command::new("sleep").arg("0.3").spawn()?;
        Ok(async move {
            waiting.fetch_add(1, Relaxed);
            let _ = child.wait().await;
            waiting.fetch_sub(1, Relaxed);
        })
    });
    println!("tokio's wait, children 2: ticks {}", ticks.await?);
    Ok(())
}
// ANCHOR_END: waits

/// Starts so many of `task`, and counts the ticks for which all of them wait.
async fn ticks_while<T: Future<Output = ()> + Send + 'static>(
    tasks: usize,
    task: impl Fn(Arc<AtomicUsize>) -> io::Result<T>,
) -> Result<usize, Box<dyn Error>> {
    let waiting = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&waiting);
    let heartbeat = Heartbeat::start(TICK, move || seen.load(Relaxed) == tasks);
    let mut started = JoinSet::new();
    for _ in 0..tasks {
        started.spawn(task(Arc::clone(&waiting))?);
    }
    while let Some(ended) = started.join_next().await {
        ended?;
    }
    let (ticks, _) = heartbeat.stop();
    Ok(ticks)
}

/// A socket that blocks, as it is registered and afterwards, and one that does not.
async fn sockets() -> Result<(), Box<dyn Error>> {
    let (ours, _theirs) = StdUnixStream::pair()?;
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let registered = panic::catch_unwind(|| UnixStream::from_std(ours).map(drop));
    panic::set_hook(hook);
    match registered {
        Ok(_) => println!("from_std of a socket that blocks: no objection"),
        Err(panicked) => println!("from_std of a socket that blocks: {}", begin(&*panicked)),
    }
    let ticks = ticks_while(2, |waiting| write_that_waits(true, waiting)).await?;
    println!("a socket made to block later: ticks {ticks}");
    let ticks = ticks_while(2, |waiting| write_that_waits(false, waiting)).await?;
    println!("a socket that does not block: ticks {ticks}");
    Ok(())
}

// ANCHOR: socket
/// 1 MiB through a socket, more than it holds. At the other end nobody reads for 0.3 s.
fn write_that_waits(
    blocks: bool,
    waiting: Arc<AtomicUsize>,
) -> io::Result<impl Future<Output = ()>> {
    let (ours, theirs) = StdUnixStream::pair()?;
    thread::spawn(|| read_later(theirs));
    ours.set_nonblocking(true)?;
    let copy = ours.try_clone()?;
    let mut stream = UnixStream::from_std(ours)?;
    // By another descriptor of the same open file description.
    copy.set_nonblocking(!blocks)?;
    Ok(async move {
        let _ = stream.writable().await;
        waiting.fetch_add(1, Relaxed);
        let _ = stream.write_all(&vec![1; 1 << 20]).await;
        waiting.fetch_sub(1, Relaxed);
    })
}
// ANCHOR_END: socket

fn read_later(mut socket: StdUnixStream) -> io::Result<usize> {
    thread::sleep(MEANWHILE);
    socket.read_to_end(&mut Vec::new())
}

/// The first words of a panic's message.
fn begin(panicked: &(dyn Any + Send)) -> String {
    let message = panicked.downcast_ref::<String>().map(String::as_str);
    let message = message.or(panicked.downcast_ref::<&str>().copied());
    let sentence = message
        .and_then(|words| words.split_once(" with "))
        .unwrap_or_default();
    format!("panic, \"{} …\"", sentence.0)
}
