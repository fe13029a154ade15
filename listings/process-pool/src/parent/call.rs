//! A call, from its submission to its result.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Ending, Error, Result};
use crate::wire::message::Message;

/// What becomes of a call: the worker's name and its reply, or an error.
pub(super) type Outcome = Result<(Arc<str>, Message)>;

/// Bytes of a request that may travel with others.
const SMALL: usize = 1 << 10;

/// A call that waits in the queue or is being carried out.
#[derive(Debug)]
pub(super) struct Job {
    pub call: u64,
    pub task: &'static str,
    pub request: Arc<Message>,
    /// Of its request, which may be gone.
    pub bytes: usize,
    pub deadline: Option<Duration>,
    /// The workers that it has lost, and how each ended.
    pub lost: Vec<(String, Ending)>,
    pub progress: Arc<Progress>,
}

impl Job {
    /// Whether its request may travel with others.
    pub fn is_small(&self) -> bool {
        self.request.control.len() <= SMALL && self.request.is_plain()
    }

    /// Tells the caller that no worker will carry the call out.
    pub fn give_up(mut self, why: Option<String>) {
        let (call, task) = (self.call, self.task);
        let error = match self.lost.pop() {
            Some((worker, ending)) => Error::WorkerLost {
                worker,
                call,
                task,
                ending,
                earlier: self.lost,
            },
            None => Error::NoWorkerLeft { call, task, why },
        };
        self.progress.end(Err(error));
    }

    /// Answers that the call was cancelled.
    pub fn cancelled(self) {
        let (call, task) = (self.call, self.task);
        self.progress.end(Err(Error::Cancelled { call, task }));
    }
}

/// How far a call has come. Its caller may cancel it at any moment, or wait for its outcome.
#[derive(Debug, Default)]
pub(super) struct Progress {
    state: Mutex<State>,
    over: Condvar,
}

#[derive(Debug, Default)]
struct State {
    phase: Phase,
    /// Whether a thread waits for the outcome: where none does, none is woken.
    is_awaited: bool,
}

#[derive(Debug, Default)]
enum Phase {
    #[default]
    OnItsWay,
    Cancelled,
    /// With its outcome, until somebody takes that.
    Over(Option<Outcome>),
}

impl Progress {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that nobody wants it any more; false where it has its outcome.
    pub fn cancel(&self) -> bool {
        let phase = &mut self.lock().phase;
        if matches!(phase, Phase::Over(_)) {
            return false;
        }
        *phase = Phase::Cancelled;
        true
    }

    /// Whether nobody wants it any more.
    pub fn is_cancelled(&self) -> bool {
        matches!(self.lock().phase, Phase::Cancelled)
    }

    /// Says what has become of the call.
    pub fn end(&self, outcome: Outcome) {
        let mut state = self.lock();
        state.phase = Phase::Over(Some(outcome));
        let is_awaited = state.is_awaited;
        drop(state);
        if is_awaited {
            self.over.notify_one();
        }
    }

    /// Waits for the outcome, at the latest until `deadline`. It is there once.
    pub fn outcome(&self, deadline: Option<Instant>) -> Option<Outcome> {
        let mut state = self.lock();
        loop {
            if let Phase::Over(outcome) = &mut state.phase {
                return outcome.take();
            }
            state.is_awaited = true;
            state = match deadline {
                None => self
                    .over
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return None;
                    }
                    let woken = self.over.wait_timeout(state, left);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}
