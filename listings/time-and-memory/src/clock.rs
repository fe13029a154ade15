//! Two workers that wait at the same time.

use std::io;
use std::thread::sleep;
use std::time::{Duration, Instant};

use mem_trace::trace;

use crate::worker::Worker;

// ANCHOR: time
pub fn time() -> io::Result<()> {
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
    Ok(())
}
// ANCHOR_END: time
