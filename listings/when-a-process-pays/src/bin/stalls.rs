//! Twenty tasks, of which one never returns: by two workers, then by two threads.

use std::error::Error;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use clap::Parser;
use nix::errno::Errno;
use nix::sys::wait::{WaitPidFlag, waitpid};
use process_pool::{Event, Pool, StartMethod, Tasks};
use when_a_process_pays::TWO;

/// Gives twenty tasks to workers, then to threads; one task stalls
#[derive(Parser)]
struct Arguments {}

fn main() -> ExitCode {
    Tasks::new().add(square).serve_if_worker();
    command_line::run(|_: Arguments| -> Result<(), Box<dyn Error>> {
        by_workers()?;
        by_threads();
        Ok(())
    })
}

const PATIENCE: Duration = Duration::from_secs(1);

/// The task. For 13 it never returns.
fn square(x: u64) -> u64 {
    match x {
        13 => loop {
            thread::sleep(Duration::from_millis(10));
        },
        _ => x * x,
    }
}

fn by_workers() -> Result<(), Box<dyn Error>> {
    let (tell, replacements) = mpsc::channel();
    let pool = Pool::builder(StartMethod::Spawn)
        .workers(TWO)
        .deadline(PATIENCE)
        .on_event(move |event| {
            if let Event::Replaced { .. } = event {
                let _ = tell.send(event.to_string());
            }
        })
        .start()?;
    let calls: Vec<_> = (1..=20)
        .map(|x| pool.submit(square, x))
        .collect::<Result<_, _>>()?;
    let (squares, errors): (Vec<_>, Vec<_>) = calls
        .into_iter()
        .map(|call| call.wait())
        .partition(Result::is_ok);
    println!("two workers: {} of 20 results", squares.len());
    for error in errors.into_iter().filter_map(Result::err) {
        println!("two workers: {error}");
    }
    // A caller has its error before another worker is up, and a pool without work starts none.
    match replacements.recv_timeout(5 * PATIENCE) {
        Ok(replaced) => println!("two workers: {replaced}"),
        Err(_) => println!("two workers: nobody was replaced"),
    }
    drop(pool);
    let left = waitpid(None, Some(WaitPidFlag::WNOHANG)) != Err(Errno::ECHILD);
    println!(
        "two workers: {}",
        if left {
            "a process is left"
        } else {
            "no process is left"
        }
    );
    Ok(())
}

fn by_threads() {
    let queue = Arc::new(Mutex::new(1..=20));
    let (send, results) = mpsc::channel();
    let threads: Vec<JoinHandle<()>> = (0..TWO)
        .map(|_| {
            let (queue, send) = (queue.clone(), send.clone());
            let next = move || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
            thread::spawn(move || {
                while let Some(x) = next() {
                    let _ = send.send(square(x));
                }
            })
        })
        .collect();
    let mut squares = Vec::new();
    while let Ok(square) = results.recv_timeout(PATIENCE) {
        squares.push(square);
    }
    println!("two threads: {} of 20 results", squares.len());
    let left = threads
        .iter()
        .filter(|thread| !thread.is_finished())
        .count();
    println!("two threads: {left} of them is still there");
}
