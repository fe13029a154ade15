//! The pool as its user sees it.

use std::fmt;
use std::io::{self, Write};
use std::marker::PhantomData;
use std::sync::{Arc, Weak, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::parent::call::{Job, Outcome, Progress};
use crate::parent::connection::Bell;
use crate::parent::driver::Driver;
use crate::parent::events::{Event, Statistics};
use crate::parent::queue::{EventHook, Shared, Unfinished};
use crate::parent::start::{StartMethod, Starter, WorkerProcess};
use crate::parent::state::Place;
use crate::registry;
use crate::wire::channel::within_bounds;
use crate::wire::protocol::Request;

/// What a pool is to be. Made by [`Pool::builder`].
#[derive(Debug)]
pub struct Builder {
    method: StartMethod,
    workers: usize,
    initializer: Option<Result<&'static str>>,
    serial_sends: bool,
    retries: usize,
    deadline: Option<Duration>,
    replaces: bool,
    on_event: EventHook,
}

impl Builder {
    /// How many workers; without this call as many as this process may run at once.
    pub fn workers(mut self, count: usize) -> Self {
        self.workers = count;
        self
    }

    /// A registered function that each worker calls before its first task.
    pub fn initializer<F>(mut self, initializer: F) -> Self
    where
        F: Fn() + Copy + 'static,
    {
        let _ = initializer;
        self.initializer = Some(registry::name_of::<F>());
        self
    }

    /// Sends to one worker at a time, as Python's pools do, instead of to all that
    /// are free at once. It is here to be measured.
    pub fn serial_sends(mut self) -> Self {
        self.serial_sends = true;
        self
    }

    /// How often a call that lost its worker runs again, on another one; without this
    /// call never.
    ///
    /// Its result is counted once, but what the task did to anything outside its process
    /// before its worker was lost has been done, and is done again: retry only tasks
    /// for which that makes no difference.
    ///
    /// With retries a worker that is lost in the initializer is replaced as well; without
    /// them the pool does not start.
    pub fn retries(mut self, count: usize) -> Self {
        self.retries = count;
        self
    }

    /// How long a worker may take for a call, from the moment when it is sent, and for the
    /// initializer, and the fork server for a worker; without this call for ever. A worker
    /// that takes longer, or is stopped, is killed, and lost as one that died.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Replaces no worker that is lost. For tasks that need what a forked worker has of
    /// its parent's memory: the one in its place comes from the fork server and has
    /// nothing of it.
    pub fn without_replacement(mut self) -> Self {
        self.replaces = false;
        self
    }

    /// Calls `hook` for what happens to workers and calls, in the pool's threads: work
    /// waits while it runs. Where it panics, the pool goes on.
    pub fn on_event(mut self, hook: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.on_event = EventHook(Some(Box::new(hook)));
        self
    }

    /// Starts the workers.
    ///
    /// # Errors
    ///
    /// See [`Error`]. No process is left when it fails.
    pub fn start(self) -> Result<Pool> {
        if !registry::are_registered() {
            return Err(Error::NotRegisteredYet);
        }
        if self.workers == 0 {
            return Err(Error::NoWorkers);
        }
        let initializer = self.initializer.transpose()?;
        let starter = Arc::new(Starter::new(
            self.method,
            self.workers,
            initializer,
            self.deadline,
            self.replaces,
        ));
        // What this process printed earlier appears before what its workers print.
        let _ = io::stdout().flush();
        let mut forked = match self.method {
            StartMethod::Fork => starter.fork(self.workers)?,
            StartMethod::Spawn | StartMethod::ForkServer => Vec::new(),
        }
        .into_iter();

        let shared = Shared::new(
            self.workers,
            self.serial_sends,
            self.retries,
            self.deadline,
            self.on_event,
        );
        // Dropped where one cannot be started: its worker ends, and so do the others.
        let mut pool = Pool {
            shared: Arc::new(shared),
            drivers: Vec::new(),
        };
        let (report, reports) = mpsc::channel();
        for number in 1..=self.workers {
            let name = self.method.worker_name(number);
            let bell = Bell::new().map_err(|error| Error::not_started(name.clone(), error))?;
            let driver = Driver {
                starter: starter.clone(),
                shared: pool.shared.clone(),
                bell,
                place: number - 1,
            };
            let (forked, report) = (forked.next(), report.clone());
            let thread = thread::Builder::new()
                .name(name.clone())
                .spawn(move || run(driver, number, forked, report))
                .map_err(|error| Error::not_started(name, error))?;
            pool.drivers.push(thread);
        }
        drop(report);
        for started in reports {
            if started.is_err() {
                pool.shared.cancel_everything();
            }
            started?;
        }
        Ok(pool)
    }
}

/// What a thread of the pool does: starts a worker, reports, and feeds it.
fn run(
    driver: Driver,
    number: usize,
    forked: Option<WorkerProcess>,
    report: mpsc::Sender<Result<()>>,
) {
    let (connection, started) = match driver.start(number, forked) {
        Ok(connection) => (Some(connection), Ok(())),
        Err(error) => (None, Err(error)),
    };
    // Nobody reads it where another worker could not be started.
    let _ = report.send(started);
    drop(report);
    match connection {
        Some(connection) => driver.drive(connection),
        None => driver.shared.give_up_slot(None),
    }
}

/// Worker processes that call functions.
///
/// Dropping the pool waits for the work that was submitted, then ends its workers:
/// no process, zombie or descriptor of it is left.
#[derive(Debug)]
pub struct Pool {
    shared: Arc<Shared>,
    drivers: Vec<JoinHandle<()>>,
}

impl Pool {
    /// Describes a pool; [`Builder::start`] starts it.
    pub fn builder(method: StartMethod) -> Builder {
        Builder {
            method,
            workers: thread::available_parallelism().map_or(1, Into::into),
            initializer: None,
            serial_sends: false,
            retries: 0,
            deadline: None,
            replaces: true,
            on_event: EventHook::default(),
        }
    }

    /// Submits one call of `task`. The first worker that is free takes it.
    ///
    /// # Errors
    ///
    /// If `task` is not registered, or `argument` would not arrive as it is (see
    /// [`Tasks::add`](crate::Tasks::add)). What happens to the call itself,
    /// [`Task::wait`] tells.
    pub fn submit<F, A, R>(&self, task: F, argument: A) -> Result<Task<R>>
    where
        F: Fn(A) -> R + Copy + 'static,
        A: Serialize + DeserializeOwned,
        R: DeserializeOwned,
    {
        self.queue(task, argument, None)
    }

    /// The same with a deadline of this call's own in place of the pool's
    /// (see [`Builder::deadline`]).
    ///
    /// # Errors
    ///
    /// As [`submit`](Self::submit).
    pub fn submit_within<F, A, R>(
        &self,
        task: F,
        argument: A,
        deadline: Duration,
    ) -> Result<Task<R>>
    where
        F: Fn(A) -> R + Copy + 'static,
        A: Serialize + DeserializeOwned,
        R: DeserializeOwned,
    {
        self.queue(task, argument, Some(deadline))
    }

    fn queue<F, A, R>(&self, task: F, argument: A, deadline: Option<Duration>) -> Result<Task<R>>
    where
        F: Fn(A) -> R + Copy + 'static,
        A: Serialize + DeserializeOwned,
        R: DeserializeOwned,
    {
        let _ = task;
        let task = registry::name_of::<F>()?;
        let call = self.shared.number_call();
        let unsendable = |why| Error::Unsendable { call, task, why };
        let request =
            Request::encode(task, &argument).map_err(|why| unsendable(why.to_string()))?;
        within_bounds(&request).map_err(unsendable)?;
        let progress = Arc::new(Progress::default());
        let place = self.shared.submit(Job {
            call,
            task,
            bytes: request.len(),
            request: Arc::new(request),
            deadline,
            lost: Vec::new(),
            progress: progress.clone(),
        });
        Ok(Task {
            call,
            task,
            progress,
            place: place.as_ref().map(Arc::downgrade),
            shared: self.shared.clone(),
            returns: PhantomData,
        })
    }

    /// Calls `task` for each of `arguments`; the results in the arguments' order.
    ///
    /// # Errors
    ///
    /// The error of the first call, in that order, that has no result. The other
    /// calls are carried out nevertheless.
    pub fn map<F, A, R>(&self, task: F, arguments: impl IntoIterator<Item = A>) -> Result<Vec<R>>
    where
        F: Fn(A) -> R + Copy + 'static,
        A: Serialize + DeserializeOwned,
        R: DeserializeOwned,
    {
        let submitted: Vec<Task<R>> = arguments
            .into_iter()
            .map(|argument| self.submit(task, argument))
            .collect::<Result<_>>()?;
        submitted.into_iter().map(Task::wait).collect()
    }

    /// What the pool has done so far.
    pub fn statistics(&self) -> Statistics {
        self.shared.statistics()
    }

    /// Waits for the calls that were submitted, for at most `deadline`, then ends the
    /// workers. It cancels the calls that are not done then, kills their workers and returns them.
    ///
    /// A worker that does not end by itself when it has nothing more to do is killed
    /// after five seconds more.
    pub fn shutdown(self, deadline: Duration) -> Vec<Unfinished> {
        self.shared.close();
        self.shared.finish_until(Instant::now() + deadline)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.close();
        if thread::panicking() {
            self.shared.cancel_waiting();
        }
        for driver in self.drivers.drain(..) {
            // A driver does not panic; if one did, its worker was reaped by drop.
            let _ = driver.join();
        }
    }
}

/// A submitted call.
#[must_use = "a result that nobody waits for takes its error with it"]
pub struct Task<R> {
    call: u64,
    task: &'static str,
    progress: Arc<Progress>,
    /// Of the worker that this call was sent to at once.
    place: Option<Weak<Place>>,
    shared: Arc<Shared>,
    returns: PhantomData<fn() -> R>,
}

impl<R: DeserializeOwned> Task<R> {
    /// Waits for the result.
    ///
    /// # Errors
    ///
    /// See [`Error`]: a panic, a lost worker and a pool without workers are different
    /// errors, which name the worker and the call.
    pub fn wait(self) -> Result<R> {
        // As long as the pool has the call it has the place.
        if let Some(place) = self.place.as_ref().and_then(Weak::upgrade) {
            self.shared.wait_at(&place, self.call);
        }
        let outcome = self.progress.outcome(None);
        self.decoded(outcome)
    }

    /// The same for at most `timeout`; after that the call goes on, and so may the wait.
    ///
    /// # Errors
    ///
    /// The outer error is the call itself, which has no result yet.
    pub fn wait_timeout(self, timeout: Duration) -> Result<Result<R>, Self> {
        // Without one it is beyond the end of time.
        let deadline = Instant::now().checked_add(timeout);
        match self.progress.outcome(deadline) {
            None => Err(self),
            outcome => Ok(self.decoded(outcome)),
        }
    }

    /// Gives the call up. If a worker carries it out at this moment, it is killed, and
    /// replaced as one that was lost.
    pub fn cancel(self) {
        self.shared.cancel(&self.progress);
    }

    fn decoded(self, outcome: Option<Outcome>) -> Result<R> {
        let Self { call, task, .. } = self;
        // It is there once, for the one task that there is of a call.
        let why = None;
        let (worker, result) = outcome.unwrap_or(Err(Error::NoWorkerLeft { call, task, why }))?;
        result.decode().map_err(|why| Error::BadReply {
            worker: worker.to_string(),
            call,
            task,
            why: why.to_string(),
        })
    }
}

impl<R> fmt::Debug for Task<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "batch {} of `{}`", self.call, self.task)
    }
}
