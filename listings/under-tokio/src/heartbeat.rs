//! A task that does next to nothing, and shows by that whether the runtime's threads are free.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

/// Ticks of a task of its own, counted while something lasts.
pub struct Heartbeat {
    task: JoinHandle<()>,
    count: Arc<AtomicUsize>,
    tick: Duration,
    start: Instant,
}

impl Heartbeat {
    /// Begins; `tick` is from one to the next. A tick counts where `lasts` says so.
    pub fn start(tick: Duration, lasts: impl Fn() -> bool + Send + 'static) -> Self {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        let task = tokio::spawn(async move {
            let mut ticks = interval(tick);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
            loop {
                ticks.tick().await;
                if lasts() {
                    counted.fetch_add(1, Relaxed);
                }
            }
        });
        Self {
            task,
            count,
            tick,
            start: Instant::now(),
        }
    }

    /// Stops; how many ticks counted, and how many a task that is never late has in that time.
    pub fn stop(self) -> (usize, usize) {
        self.task.abort();
        // The first comes at once.
        let due = 1 + self.start.elapsed().as_millis() / self.tick.as_millis();
        (self.count.load(Relaxed), due as usize)
    }
}
