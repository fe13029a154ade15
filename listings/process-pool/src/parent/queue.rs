//! The calls that wait, the workers that are idle, and what a pool's threads share.
//!
//! A call that comes while a worker is idle is sent by its caller's thread. Any other waits in
//! one queue, from which the thread of each worker takes its share, in one frame where the calls
//! are small. What a worker of these has not begun when another one has nothing to do, or
//! when the first of them turns out to be slow, goes back into the queue.

use std::collections::VecDeque;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Ending, Error};
use crate::parent::call::{Job, Outcome, Progress};
use crate::parent::connection::Connection;
use crate::parent::events::{Event, Statistics};
use crate::parent::state::{Desk, Frame, Place, State};
use crate::pidfd::PidFd;
use crate::wire::protocol::Answer;

/// A call that was not done when its pool was shut down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// The call's number.
    pub call: u64,
    /// The function's full name.
    pub task: &'static str,
    /// The worker that was carrying it out, if it had begun.
    pub worker: Option<String>,
}

/// The next thing to do for a worker's thread.
pub(super) enum Next {
    /// To send these.
    Calls(Frame),
    /// To wait for the reply to what a caller has sent.
    Reply,
    /// To wait for anything.
    Idle,
    /// The pool is closed and nothing is left to do.
    Closed,
    /// The worker has ended.
    Ended,
}

/// What a worker does that has answered.
pub(super) enum Then {
    /// It goes on with the next call of its frame, which may take so long, and may be the last.
    GoesOn(Option<Duration>, bool),
    /// It has nothing more to do.
    IsFree,
    /// It has been killed, since the call was cancelled.
    IsKilled,
}

/// What the threads of a pool share.
pub(super) struct Shared {
    state: Mutex<State>,
    /// Calls that were submitted.
    calls: AtomicU64,
    /// Told when a call is done while the pool is being shut down.
    done: Condvar,
    /// Held while a request is sent, where only one may be.
    pub sending: Option<Mutex<()>>,
    /// How often a call that lost its worker runs again.
    pub retries: usize,
    /// How long a call without a deadline of its own may take.
    pub deadline: Option<Duration>,
    on_event: EventHook,
}

impl Shared {
    pub fn new(
        slots: usize,
        serial_sends: bool,
        retries: usize,
        deadline: Option<Duration>,
        on_event: EventHook,
    ) -> Self {
        Self {
            state: Mutex::new(State {
                slots,
                desks: std::iter::repeat_with(|| None).take(slots).collect(),
                ..State::default()
            }),
            calls: AtomicU64::new(0),
            done: Condvar::new(),
            sending: serial_sends.then(Mutex::default),
            retries,
            deadline,
            on_event,
        }
    }

    pub fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs under this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn tell(&self, event: Event) {
        if let Some(hook) = &self.on_event.0 {
            // Its panic has been told by now, and is no reason to lose a worker or a call.
            let _ = panic::catch_unwind(AssertUnwindSafe(|| hook(&event)));
        }
    }

    pub fn number_call(&self) -> u64 {
        self.calls.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub fn statistics(&self) -> Statistics {
        Statistics {
            calls: self.calls.load(Ordering::Relaxed),
            ..self.lock().statistics
        }
    }

    /// Notes that `connection`'s worker serves at this place.
    pub fn seat(&self, place: usize, connection: &Connection) {
        self.lock().desks[place] = Some(Desk {
            worker: connection.worker.name.as_str().into(),
            pidfd: connection.worker.pidfd().clone(),
            board: connection.board.clone(),
            jobs: VecDeque::new(),
            answered: 0,
        });
    }

    /// Gives what a worker that is lost has not begun to others; the call that it had.
    pub fn take_back(&self, place: usize) -> Option<u64> {
        let mut state = self.lock();
        state.take_back();
        state.ring();
        Some(state.desk(place)?.jobs.front()?.call)
    }

    /// Notes how the worker of a place has ended. The call that it had waits for another one,
    /// or is given up.
    pub fn unseat(&self, place: usize, ending: &Ending) {
        let mut state = self.lock();
        let Some(desk) = state.desks[place].take() else {
            return;
        };
        let (mut given_up, mut retried) = (Vec::new(), Vec::new());
        // More than one where the worker has left the protocol.
        for mut job in desk.jobs.into_iter().rev() {
            let again = job.lost.len() < self.retries;
            job.lost.push((desk.worker.to_string(), ending.clone()));
            if again && !job.progress.is_cancelled() {
                retried.push(job.call);
                state.statistics.retries += 1;
                state.jobs.push_front(job);
            } else {
                given_up.push(job);
            }
        }
        state.ring();
        drop(state);
        self.done.notify_all();
        for job in given_up {
            if job.progress.is_cancelled() {
                job.cancelled();
            } else {
                job.give_up(None);
            }
        }
        let retried = retried.into_iter();
        retried.for_each(|call| self.tell(Event::Retried { call }));
    }

    /// What the thread of `place` is to do, which holds the connection to its worker.
    pub fn next(&self, place: &Arc<Place>, worker: &PidFd) -> Next {
        let mut state = self.lock();
        if state
            .desk(place.number)
            .is_some_and(|desk| !desk.jobs.is_empty())
        {
            return Next::Reply;
        }
        state.idle.retain(|idle| idle.number != place.number);
        // One that died while it was idle is not given a call to lose.
        if worker.has_ended() {
            // If the bell was rung for it at this moment, another one is to hear it.
            state.ring();
            return Next::Ended;
        }
        if state.jobs.is_empty() {
            state.take_back();
        }
        if let Some(frame) = state.hand_out(place.number, self.retries) {
            return Next::Calls(frame);
        }
        if state.closed {
            return Next::Closed;
        }
        state.idle.push(place.clone());
        Next::Idle
    }

    /// Notes the reply to the first call of a place, and what becomes of the worker.
    pub fn answered(&self, place: usize, answer: Answer, bytes: usize) -> Then {
        let mut state = self.lock();
        let Some(desk) = state.desks[place].as_mut() else {
            return Then::IsKilled;
        };
        let Some(job) = desk.jobs.pop_front() else {
            return Then::IsKilled;
        };
        desk.answered += 1;
        let then = match desk.jobs.front() {
            // See `cancel`.
            None if job.progress.is_cancelled() => {
                desk.jobs.push_front(job);
                return Then::IsKilled;
            }
            None => Then::IsFree,
            Some(next) => Then::GoesOn(next.deadline, desk.jobs.len() == 1),
        };
        let (call, task) = (job.call, job.task);
        let outcome = if job.progress.is_cancelled() {
            Err(Error::Cancelled { call, task })
        } else {
            outcome(answer, &desk.worker, &job)
        };
        job.progress.end(outcome);
        state.count(job.bytes, bytes);
        if state.closed {
            self.done.notify_all();
        }
        then
    }

    /// Notes that a worker has begun an initializer, which ends with
    /// [`end_initializer`](Self::end_initializer).
    pub fn begin_initializer(&self, worker: &PidFd) -> Arc<Progress> {
        let progress = Arc::new(Progress::default());
        let initializing = (worker.clone(), progress.clone());
        self.lock().initializing.push(initializing);
        progress
    }

    /// Notes that it has ended, and the bytes of its request and reply.
    pub fn end_initializer(&self, progress: &Arc<Progress>, sent: usize, received: usize) {
        let mut state = self.lock();
        state.count(sent, received);
        state
            .initializing
            .retain(|(_, other)| !Arc::ptr_eq(other, progress));
        self.done.notify_all();
    }

    pub fn replaced(&self) {
        self.lock().statistics.replacements += 1;
    }

    /// Whether nothing will need another worker: the pool is closed, and no call waits.
    pub fn is_done(&self) -> bool {
        let state = self.lock();
        state.closed && state.jobs.is_empty()
    }

    /// Takes a worker that is gone for good off the list; with the last one the queue's
    /// calls go too, and each waiting caller learns of it, and of `why`.
    pub fn give_up_slot(&self, why: Option<String>) {
        let mut state = self.lock();
        state.slots -= 1;
        if state.slots == 0 {
            state.why_none = why.clone();
            let jobs = std::mem::take(&mut state.jobs);
            drop(state);
            jobs.into_iter().for_each(|job| job.give_up(why.clone()));
        }
        self.done.notify_all();
    }

    /// Takes no call any more; each thread ends when nothing is left to do.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.idle.drain(..).for_each(|idle| idle.bell.ring());
    }

    /// Cancels a call; if a worker carries it out, that is killed.
    pub fn cancel(&self, progress: &Arc<Progress>) {
        let mut state = self.lock();
        state.take_back();
        let is_its = |job: &Job| Arc::ptr_eq(&job.progress, progress);
        // What its worker has is begun now, and all but the last of it is done, with its
        // reply on the way: to kill it for one of these would cost the last one.
        let runs = |desk: &&Desk| desk.jobs.back().is_some_and(is_its);
        if progress.cancel()
            && let Some(desk) = state.desks.iter().flatten().find(runs)
        {
            desk.pidfd.kill();
        }
        state.ring();
    }

    /// Waits until nothing waits or runs, at the latest at `deadline`; then cancels what does.
    pub fn finish_until(&self, deadline: Instant) -> Vec<Unfinished> {
        let mut state = self.lock();
        while !state.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let woken = self.done.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        Self::cancel_all(state)
    }

    /// Cancels whatever waits or runs.
    pub fn cancel_everything(&self) {
        Self::cancel_all(self.lock());
    }

    /// Cancels the calls that wait; those that run come to their end.
    pub fn cancel_waiting(&self) {
        let mut state = self.lock();
        state.take_back();
        let jobs = std::mem::take(&mut state.jobs);
        drop(state);
        jobs.into_iter().for_each(Job::cancelled);
    }

    fn cancel_all(mut state: MutexGuard<'_, State>) -> Vec<Unfinished> {
        let mut unfinished = Vec::new();
        state.take_back();
        for (worker, progress) in &state.initializing {
            progress.cancel();
            worker.kill();
        }
        for desk in state.desks.iter().flatten() {
            if !desk.jobs.is_empty() {
                desk.pidfd.kill();
            }
            for job in &desk.jobs {
                job.progress.cancel();
                unfinished.push(Unfinished {
                    call: job.call,
                    task: job.task,
                    worker: Some(desk.worker.to_string()),
                });
            }
        }
        let jobs = std::mem::take(&mut state.jobs);
        drop(state);
        for job in jobs {
            unfinished.push(Unfinished {
                call: job.call,
                task: job.task,
                worker: None,
            });
            job.cancelled();
        }
        unfinished.sort_by_key(|unfinished| unfinished.call);
        unfinished
    }
}

/// What a worker's answer to a call is for its caller.
fn outcome(answer: Answer, worker: &Arc<str>, job: &Job) -> Outcome {
    let (call, task) = (job.call, job.task);
    match answer {
        Answer::Done(result) => Ok((worker.clone(), result)),
        Answer::Panicked(message) => Err(Error::Panicked {
            worker: worker.to_string(),
            call,
            task,
            message,
        }),
        Answer::Refused(why) => Err(Error::BadReply {
            worker: worker.to_string(),
            call,
            task,
            why,
        }),
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("state", &self.state)
            .field("retries", &self.retries)
            .finish_non_exhaustive()
    }
}

/// What is called for each event.
#[derive(Default)]
pub(super) struct EventHook(pub Option<Hook>);

type Hook = Box<dyn Fn(&Event) + Send + Sync>;

impl fmt::Debug for EventHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "a hook" } else { "none" })
    }
}
