//! Two workers that wait at the same time.

use std::io;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant};

use clap::Parser;
use mem_trace::{check_output, trace};
use time_and_memory::worker::Worker;

fn main() -> ExitCode {
    command_line::run(|_: Arguments| time())
}

fn time() -> io::Result<()> {
    let start = Instant::now();
    trace!("Starting two workers.");
    let workers: Vec<Worker> = (1..=2)
        .map(|number| {
            Worker::fork(number, |_| {
                sleep(Duration::from_millis(500));
                trace!("Slept.");
                sleep(Duration::from_millis(500));
                trace!("Slept again.");
                Ok(())
            })
        })
        .collect::<io::Result<_>>()?;
    for worker in workers {
        worker.join()?;
    }
    trace!("Both have ended.");
    trace!("total_time_s={:.2}", start.elapsed().as_secs_f64());
    check_output()
}

/// Shows the times of two workers that wait at the same time
#[derive(Parser)]
struct Arguments {}
