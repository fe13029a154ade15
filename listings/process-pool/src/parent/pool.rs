//! The pool: one queue, and for each worker a thread that feeds it.

use std::collections::VecDeque;
use std::io;
use std::marker::PhantomData;
use std::sync::mpsc;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::parent::start::{StartMethod, WorkerProcess, start_workers};
use crate::registry;
use crate::wire::channel::hung_up;
use crate::wire::message::Message;
use crate::wire::protocol::{Answer, Request};

/// What a pool is to be. Made by [`Pool::builder`].
#[derive(Debug)]
pub struct Builder {
    method: StartMethod,
    workers: usize,
    initializer: Option<Result<&'static str>>,
    serial_sends: bool,
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
        let workers = start_workers(self.method, self.workers)?;
        if let Some(task) = initializer {
            initialize(&workers, task)?;
        }

        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue {
                jobs: VecDeque::new(),
                submitted: 0,
                closed: false,
                workers: workers.len(),
            }),
            changed: Condvar::new(),
            sending: self.serial_sends.then(Mutex::default),
        });
        // Dropped where a thread cannot be had: its workers end, and so do the others.
        let mut pool = Pool {
            shared,
            drivers: Vec::new(),
        };
        for worker in workers {
            let name = worker.name.clone();
            let shared = pool.shared.clone();
            let driver = thread::Builder::new()
                .name(name.clone())
                .spawn(move || drive(worker, &shared))
                .map_err(|source| Error::Start {
                    worker: name,
                    source,
                })?;
            pool.drivers.push(driver);
        }
        Ok(pool)
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
        let _ = task;
        let task = registry::name_of::<F>()?;
        let call = self.shared.number_call();
        let request = Request::encode(task, &argument).map_err(|why| Error::Unsendable {
            call,
            task,
            why: why.to_string(),
        })?;
        let (reply, result) = mpsc::channel();
        let mut queue = self.shared.lock();
        if queue.workers > 0 {
            queue.jobs.push_back(Job {
                call,
                task,
                request,
                reply,
            });
            self.shared.changed.notify_one();
        }
        Ok(Task {
            call,
            task,
            result,
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
}

impl Drop for Pool {
    fn drop(&mut self) {
        {
            let mut queue = self.shared.lock();
            queue.closed = true;
            if thread::panicking() {
                queue.jobs.clear();
            }
        }
        self.shared.changed.notify_all();
        for driver in self.drivers.drain(..) {
            // A driver does not panic; if one did, its worker was reaped by drop.
            let _ = driver.join();
        }
    }
}

/// A submitted call.
#[derive(Debug)]
#[must_use = "a result that nobody waits for takes its error with it"]
pub struct Task<R> {
    call: u64,
    task: &'static str,
    result: mpsc::Receiver<Result<(String, Message)>>,
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
        let Self { call, task, .. } = self;
        match self.result.recv() {
            Ok(Ok((worker, result))) => result.decode().map_err(|why| Error::BadReply {
                worker,
                call,
                task,
                why: why.to_string(),
            }),
            Ok(Err(error)) => Err(error),
            // Its sender went with the queue.
            Err(mpsc::RecvError) => Err(Error::NoWorkerLeft { call, task }),
        }
    }
}

/// A call that waits in the queue or is being carried out.
#[derive(Debug)]
struct Job {
    call: u64,
    task: &'static str,
    request: Message,
    reply: mpsc::Sender<Result<(String, Message)>>,
}

#[derive(Debug)]
struct Queue {
    jobs: VecDeque<Job>,
    submitted: u64,
    closed: bool,
    /// Workers that still serve. With none, nothing is queued.
    workers: usize,
}

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
    /// Held while a request is sent, where only one may be.
    sending: Option<Mutex<()>>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing that can panic runs under this lock.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn number_call(&self) -> u64 {
        let mut queue = self.lock();
        queue.submitted += 1;
        queue.submitted
    }

    /// The next job; `None` when the pool is closed and nothing is left to do.
    fn next_job(&self) -> Option<Job> {
        let mut queue = self.lock();
        loop {
            if let Some(job) = queue.jobs.pop_front() {
                return Some(job);
            }
            if queue.closed {
                return None;
            }
            queue = self
                .changed
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes a lost worker off the list; with the last one the queue's jobs go too,
    /// and each waiting [`Task`] learns of it.
    fn worker_lost(&self) {
        let mut queue = self.lock();
        queue.workers -= 1;
        if queue.workers == 0 {
            queue.jobs.clear();
        }
    }
}

/// Feeds one worker: a request, then its reply, until the pool closes.
///
/// A worker reads a request to its end before it replies, and this thread reads
/// the reply before it sends the next, so the two never both wait to write,
/// however large the messages are.
fn drive(worker: WorkerProcess, shared: &Shared) {
    while let Some(job) = shared.next_job() {
        let Job {
            call,
            task,
            request,
            reply,
        } = job;
        let exchanged = {
            let turn = shared
                .sending
                .as_ref()
                .map(|sending| sending.lock().unwrap_or_else(PoisonError::into_inner));
            let sent = worker.channel.send(&request);
            drop((turn, request));
            let reply = sent.and_then(|()| worker.channel.receive());
            reply.and_then(|reply| reply.ok_or_else(|| io::ErrorKind::UnexpectedEof.into()))
        };
        let name = worker.name.clone();
        let lost = |worker, ending| Error::WorkerLost {
            worker,
            call,
            task,
            ending,
        };
        let outcome = match exchanged {
            Ok(message) => match Answer::read(message) {
                Ok(Answer::Done(result)) => Ok((name, result)),
                Ok(Answer::Panicked(message)) => Err(Error::Panicked {
                    worker: name,
                    call,
                    task,
                    message,
                }),
                Ok(Answer::Refused(why)) => Err(Error::BadReply {
                    worker: name,
                    call,
                    task,
                    why,
                }),
                Err(why) => {
                    let ending = worker.kill(why);
                    return lose(shared, reply, lost(name, ending));
                }
            },
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Err(Error::Unsendable {
                call,
                task,
                why: error.to_string(),
            }),
            // The end of the stream, before or in a reply, or a broken pipe.
            Err(error) if hung_up(&error) => {
                let ending = worker.end();
                return lose(shared, reply, lost(name, ending));
            }
            // No message, or none that this process could take: after that there is
            // no telling where the next one begins.
            Err(error) => {
                let ending = worker.kill(error.to_string());
                return lose(shared, reply, lost(name, ending));
            }
        };
        // Nobody may be waiting any more; the result is theirs to drop.
        let _ = reply.send(outcome);
    }
}

fn lose(shared: &Shared, reply: mpsc::Sender<Result<(String, Message)>>, error: Error) {
    // First the count: a caller that learns of the loss must not queue for no worker.
    shared.worker_lost();
    let _ = reply.send(Err(error));
}

/// Runs the initializer in all workers at once, and waits for them.
fn initialize(workers: &[WorkerProcess], task: &'static str) -> Result<()> {
    let failed = |worker: &WorkerProcess, why: String| Error::Initializer {
        worker: worker.name.clone(),
        task,
        why,
    };
    let request =
        Request::encode(task, &()).map_err(|error| failed(&workers[0], error.to_string()))?;
    for worker in workers {
        // A worker that is gone already is found out by its missing reply.
        let _ = worker.channel.send(&request);
    }
    for worker in workers {
        let why = match worker.channel.receive() {
            Ok(Some(message)) => match Answer::read(message) {
                Ok(Answer::Done(_)) => continue,
                Ok(Answer::Panicked(message)) => format!("it panicked: {message}"),
                Ok(Answer::Refused(why)) | Err(why) => why,
            },
            Ok(None) => "it ended".to_string(),
            Err(error) if hung_up(&error) => "it ended".to_string(),
            Err(error) => error.to_string(),
        };
        return Err(failed(worker, why));
    }
    Ok(())
}
