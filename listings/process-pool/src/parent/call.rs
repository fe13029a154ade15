//! A call, from its submission to its result.

use std::sync::mpsc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::{Ending, Error, Result};
use crate::pidfd::PidFd;
use crate::wire::message::Message;

/// Where the result of a call goes.
pub(super) type ReplySender = mpsc::Sender<Result<(String, Message)>>;

/// A call that waits in the queue or is being carried out.
#[derive(Debug)]
pub(super) struct Job {
    pub call: u64,
    pub task: &'static str,
    pub request: Message,
    pub deadline: Option<Duration>,
    /// The workers that it has lost, and how each ended.
    pub lost: Vec<(String, Ending)>,
    pub progress: Arc<Progress>,
    pub reply: ReplySender,
}

impl Job {
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
        // Nobody may be waiting any more.
        let _ = self.reply.send(Err(error));
    }

    /// Answers that the call was cancelled.
    pub fn cancelled(self) {
        let (call, task) = (self.call, self.task);
        let _ = self.reply.send(Err(Error::Cancelled { call, task }));
    }
}

/// How far a call has come. Its caller may cancel it at any moment.
#[derive(Debug, Default)]
pub(super) struct Progress(Mutex<Phase>);

#[derive(Debug, Default)]
enum Phase {
    #[default]
    Waiting,
    /// Carried out by this process.
    Running(PidFd),
    Over,
    Cancelled,
}

impl Progress {
    fn lock(&self) -> MutexGuard<'_, Phase> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the call from beginning, or kills the worker that carries it out.
    pub fn cancel(&self) {
        let mut phase = self.lock();
        match &*phase {
            Phase::Running(worker) => worker.kill(),
            Phase::Over => return,
            Phase::Waiting | Phase::Cancelled => {}
        }
        *phase = Phase::Cancelled;
    }

    /// Says that `worker` carries the call out; false where it was cancelled.
    pub fn begin(&self, worker: &PidFd) -> bool {
        self.advance(Phase::Running(worker.clone()))
    }

    /// Says that the call waits for another worker; false where it was cancelled.
    pub fn wait_again(&self) -> bool {
        self.advance(Phase::Waiting)
    }

    /// Says that the call has its result; false where it was cancelled, and its worker killed.
    pub fn end(&self) -> bool {
        self.advance(Phase::Over)
    }

    fn advance(&self, to: Phase) -> bool {
        let mut phase = self.lock();
        let cancelled = matches!(*phase, Phase::Cancelled);
        if !cancelled {
            *phase = to;
        }
        !cancelled
    }
}
