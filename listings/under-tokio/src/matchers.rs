//! A few matchers for many that ask.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::matcher::Matcher;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// The matcher took too long.
    #[error("none within {} ms, matcher killed", .0.as_millis())]
    Late(Duration),
    /// The matcher ended before it answered.
    #[error("matcher ended by {}", ending(.0))]
    Ended(ExitStatus),
    /// The system did not start or end a process.
    #[error("the system: {0}")]
    System(#[from] io::Error),
}

fn ending(status: &ExitStatus) -> String {
    match status.signal().map(Signal::try_from) {
        Some(Ok(signal)) => signal.to_string(),
        _ => status.to_string(),
    }
}

/// At most so many matchers, each with one question at a time, and a time for each answer.
pub struct Matchers {
    /// A permit for each matcher that there may be.
    permits: Semaphore,
    most: u32,
    idle: Mutex<Vec<Matcher>>,
    patience: Duration,
    started: AtomicUsize,
}

impl Matchers {
    /// None is started before the first question.
    pub fn new(most: u32, patience: Duration) -> Self {
        Self {
            permits: Semaphore::new(most as usize),
            most,
            idle: Mutex::default(),
            patience,
            started: AtomicUsize::new(0),
        }
    }

    // ANCHOR: ask
    /// Asks a matcher, as soon as one is free.
    ///
    /// # Errors
    ///
    /// [`NoAnswer`] says why there is none. The matcher that was asked has ended then.
    pub async fn ask(&self, pattern: &str, text: &str) -> Result<String, NoAnswer> {
        let _permit = self.permits.acquire().await.expect("nobody closes it");
        let mut matcher = self.take()?;
        let asked = timeout(self.patience, async {
            match matcher.ask(pattern, text).await {
                Ok(answer) => Ok(answer),
                Err(_) => Err(matcher.child().wait().await),
            }
        });
        match asked.await {
            Ok(Ok(answer)) => {
                self.give_back(matcher);
                Ok(answer)
            }
            Ok(Err(status)) => Err(NoAnswer::Ended(status?)),
            Err(_) => {
                matcher.child().kill().await?;
                Err(NoAnswer::Late(self.patience))
            }
        }
    }
    // ANCHOR_END: ask

    /// One that waits for a question, or a new one.
    fn take(&self) -> io::Result<Matcher> {
        let idle = self.idle.lock().expect("no panic while it is held").pop();
        idle.map_or_else(
            || {
                self.started.fetch_add(1, Ordering::Relaxed);
                Matcher::start()
            },
            Ok,
        )
    }

    fn give_back(&self, matcher: Matcher) {
        let mut idle = self.idle.lock().expect("no panic while it is held");
        idle.push(matcher);
    }

    /// Ends those that wait for a question, and comes back when each process has ended and has
    /// been waited for.
    ///
    /// # Errors
    ///
    /// Where the system does not end a process.
    pub async fn close(&self) -> io::Result<()> {
        let idle = std::mem::take(&mut *self.idle.lock().expect("no panic while it is held"));
        for matcher in idle {
            let mut child = matcher.dismiss();
            if timeout(self.patience, child.wait()).await.is_err() {
                child.kill().await?;
            }
        }
        Ok(())
    }

    /// How many questions are with a matcher.
    pub fn busy(&self) -> usize {
        self.most as usize - self.permits.available_permits()
    }

    /// How many processes there have been.
    pub fn started(&self) -> usize {
        self.started.load(Ordering::Relaxed)
    }
}
