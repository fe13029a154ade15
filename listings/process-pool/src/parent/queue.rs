//! The calls that wait, the workers that are idle, and what a pool's threads share.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::os::fd::AsFd;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use nix::poll::{PollFd, PollFlags};
use nix::sys::eventfd::{EfdFlags, EventFd};

use crate::parent::call::{Job, Progress};
use crate::parent::events::{Event, Statistics};
use crate::pidfd::{PidFd, above_standard, poll_until};

/// By which the thread of an idle worker is woken.
#[derive(Debug, Clone)]
pub(super) struct Bell(Arc<EventFd>);

impl Bell {
    pub fn new() -> io::Result<Self> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let fd = above_standard(EventFd::from_flags(flags)?.into())?;
        // SAFETY: it is the descriptor of an eventfd, under another number.
        Ok(Self(Arc::new(unsafe { EventFd::from_owned_fd(fd) })))
    }

    fn ring(&self) {
        // Fails only where it has been rung 2^64 - 2 times and nobody came.
        let _ = self.0.write(1);
    }

    /// Waits until the bell is rung or `worker` has ended.
    fn wait_beside(&self, worker: &PidFd) {
        let mut fds =
            [&*self.0 as &dyn AsFd, worker].map(|fd| PollFd::new(fd.as_fd(), PollFlags::POLLIN));
        // What poll(2) refuses here is no memory: then the look at the queue is as good.
        let _ = poll_until(&mut fds, None);
        let _ = self.0.read();
    }
}

/// What a worker has been asked to do.
#[derive(Debug)]
struct Running {
    /// Its number; none for an initializer.
    call: Option<u64>,
    task: &'static str,
    worker: String,
    progress: Arc<Progress>,
}

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

#[derive(Debug, Default)]
struct State {
    jobs: VecDeque<Job>,
    idle: Vec<Bell>,
    running: Vec<Running>,
    closed: bool,
    /// Workers that serve or are being replaced. With none, nothing is queued.
    slots: usize,
    /// Why the last slot was given up, where its worker could not be replaced.
    why_none: Option<String>,
    statistics: Statistics,
}

impl State {
    fn forget(&mut self, progress: &Arc<Progress>) {
        self.running
            .retain(|running| !Arc::ptr_eq(&running.progress, progress));
    }
}

/// The next thing to do for an idle worker.
pub(super) enum Next {
    Job(Job),
    /// The pool is closed and nothing is left to do.
    Closed,
    /// The worker has ended.
    Ended,
}

/// What the threads of a pool share.
pub(super) struct Shared {
    state: Mutex<State>,
    /// Told when a call is done while the pool is being shut down.
    done: Condvar,
    /// Held while a request is sent, where only one may be.
    pub sending: Option<Mutex<()>>,
    /// How often a call that lost its worker runs again.
    pub retries: usize,
    on_event: EventHook,
}

impl Shared {
    pub fn new(slots: usize, serial_sends: bool, retries: usize, on_event: EventHook) -> Self {
        Self {
            state: Mutex::new(State {
                slots,
                ..State::default()
            }),
            done: Condvar::new(),
            sending: serial_sends.then(Mutex::default),
            retries,
            on_event,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
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
        let mut state = self.lock();
        state.statistics.calls += 1;
        state.statistics.calls
    }

    pub fn statistics(&self) -> Statistics {
        self.lock().statistics
    }

    /// Queues a call, at the front where it has waited before.
    pub fn queue(&self, job: Job) {
        let mut state = self.lock();
        state.forget(&job.progress);
        if state.slots == 0 {
            let why = state.why_none.clone();
            drop(state);
            return job.give_up(why);
        }
        if job.lost.is_empty() {
            state.jobs.push_back(job);
        } else {
            state.statistics.retries += 1;
            state.jobs.push_front(job);
        }
        if let Some(idle) = state.idle.pop() {
            idle.ring();
        }
    }

    /// Waits for what is to be done with the idle `worker`, whose thread hears `bell`.
    pub fn next(&self, name: &str, worker: &PidFd, bell: &Bell) -> Next {
        loop {
            // One that died while it was idle is not given a call to lose.
            if worker.has_ended(Some(Instant::now())) {
                return self.ended_idle(bell);
            }
            let mut state = self.lock();
            if let Some(job) = state.jobs.pop_front() {
                if !job.progress.begin(worker) {
                    drop(state);
                    job.cancelled();
                    continue;
                }
                state.running.push(Running {
                    call: Some(job.call),
                    task: job.task,
                    worker: name.to_owned(),
                    progress: job.progress.clone(),
                });
                return Next::Job(job);
            }
            if state.closed {
                return Next::Closed;
            }
            state.idle.push(bell.clone());
            drop(state);
            bell.wait_beside(worker);
        }
    }

    /// Takes the worker's thread off the list of idle ones. If the bell was rung for it at
    /// this moment, another one is to hear it.
    fn ended_idle(&self, bell: &Bell) -> Next {
        let mut state = self.lock();
        state.idle.retain(|idle| !Arc::ptr_eq(&idle.0, &bell.0));
        if !state.jobs.is_empty()
            && let Some(idle) = state.idle.pop()
        {
            idle.ring();
        }
        Next::Ended
    }

    /// Notes that a worker has begun the initializer `task`, which ends with [`done`](Self::done).
    pub fn begin_initializer(
        &self,
        task: &'static str,
        name: &str,
        worker: &PidFd,
    ) -> Arc<Progress> {
        let progress = Arc::new(Progress::default());
        progress.begin(worker);
        self.lock().running.push(Running {
            call: None,
            task,
            worker: name.to_owned(),
            progress: progress.clone(),
        });
        progress
    }

    /// Notes that a worker is done with what it was asked for.
    pub fn done(&self, progress: &Arc<Progress>) {
        let mut state = self.lock();
        state.forget(progress);
        if state.closed {
            self.done.notify_all();
        }
    }

    /// Counts the bytes of a request and of its reply.
    pub fn count(&self, sent: usize, received: usize) {
        let statistics = &mut self.lock().statistics;
        statistics.bytes_sent += sent as u64;
        statistics.bytes_received += received as u64;
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
            self.done.notify_all();
            jobs.into_iter().for_each(|job| job.give_up(why.clone()));
        }
    }

    /// Takes no call any more; each thread ends when nothing is left to do.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.idle.drain(..).for_each(|idle| idle.ring());
    }

    /// Waits until nothing waits or runs, at the latest at `deadline`; then cancels what does.
    pub fn finish_until(&self, deadline: Instant) -> Vec<Unfinished> {
        let mut state = self.lock();
        while !(state.jobs.is_empty() && state.running.is_empty()) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let woken = self.done.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        self.cancel_all(state)
    }

    /// Cancels whatever waits or runs.
    pub fn cancel_everything(&self) {
        self.cancel_all(self.lock());
    }

    /// Cancels the calls that wait; those that run come to their end.
    pub fn cancel_waiting(&self) {
        let jobs = std::mem::take(&mut self.lock().jobs);
        jobs.into_iter().for_each(Job::cancelled);
    }

    fn cancel_all(&self, mut state: MutexGuard<'_, State>) -> Vec<Unfinished> {
        let mut unfinished = Vec::new();
        for running in &state.running {
            running.progress.cancel();
            unfinished.extend(running.call.map(|call| Unfinished {
                call,
                task: running.task,
                worker: Some(running.worker.clone()),
            }));
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
