//! The thread that feeds one worker, and the next one when that is lost.
//!
//! ```text
//! queue ── call ──▶ driver ── request ──▶ worker
//!   ▲                 │ ◀───── reply ───────┘
//!   └── once more ────┤ (the socket and a pidfd, up to the deadline)
//!                     └── lost: reaped, told, replaced
//! ```

use std::io;
use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Ending, Error, Result};
use crate::parent::call::Job;
use crate::parent::events::Event;
use crate::parent::queue::{Bell, Next, Shared};
use crate::parent::start::{Starter, WorkerProcess};
use crate::registry;
use crate::wire::channel::hung_up;
use crate::wire::message::Message;
use crate::wire::protocol::{Answer, Request};

/// How often a worker is started in the place of a lost one before the place is given up.
const ATTEMPTS: u32 = 5;
/// The pause after the first attempt that failed; each one is twice as long as the last.
const PAUSE: Duration = Duration::from_millis(10);

/// What one thread of a pool has.
#[derive(Debug)]
pub(super) struct Driver {
    pub starter: Arc<Starter>,
    pub shared: Arc<Shared>,
    pub bell: Bell,
}

/// Why there is no reply.
enum NoReply {
    /// The request is beyond the bounds, and nothing of it was sent.
    Unsendable(String),
    /// The worker has ended, or closed its socket.
    HungUp,
    /// The worker left the protocol.
    Violation(String),
    /// The worker took longer than it may.
    Overdue(Duration),
}

/// Why a worker does not serve.
struct NotReady {
    error: Error,
    /// Whether the worker ended, or was too late, and nobody had cancelled what it did.
    lost: bool,
}

impl Driver {
    /// Starts the worker of this number, or takes the one that was forked already, and
    /// has it run the pool's initializer. Where calls are retried, a worker that is lost in
    /// it is replaced.
    ///
    /// # Errors
    ///
    /// Where it cannot be started, or does not get through the initializer.
    pub fn start(&self, number: usize, forked: Option<WorkerProcess>) -> Result<WorkerProcess> {
        let mut worker = match forked {
            Some(worker) => worker,
            None => self.starter.start(number)?,
        };
        if let Some(initializer) = self.starter.initializer
            && let Err(NotReady { error, lost }) = self.initialize(&mut worker, initializer)
        {
            if !lost || self.shared.retries == 0 {
                return Err(error);
            }
            self.shared.tell(Event::StartFailed {
                why: error.to_string(),
            });
            return self.replace(&worker.name)?.ok_or(error);
        }
        self.shared.tell(Event::Started {
            worker: worker.name.clone(),
        });
        Ok(worker)
    }

    /// Feeds `worker` until the pool closes, and each one that takes its place.
    pub fn drive(self, mut worker: WorkerProcess) {
        let why = loop {
            match self.shared.next(&worker.name, worker.pidfd(), &self.bell) {
                Next::Closed => break None,
                Next::Job(job) => {
                    if self.serve(&mut worker, job) {
                        continue;
                    }
                }
                Next::Ended => {
                    let ending = self.end(&mut worker, NoReply::HungUp);
                    self.lost(&worker, &ending, None);
                }
            }
            match self.replace(&worker.name) {
                Ok(Some(next)) => worker = next,
                Ok(None) => break None,
                Err(why) => break Some(why.to_string()),
            }
        };
        self.shared.give_up_slot(why);
    }

    /// Has `worker` carry out one call; whether it can be given another.
    fn serve(&self, worker: &mut WorkerProcess, mut job: Job) -> bool {
        let (call, task) = (job.call, job.task);
        let deadline = job.deadline.or(self.starter.deadline);
        let again = job.lost.len() < self.shared.retries;
        let answer = self.ask(worker, &mut job.request, again, deadline);
        let name = worker.name.clone();
        let outcome = match answer {
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
            Err(NoReply::Unsendable(why)) => Err(Error::Unsendable { call, task, why }),
            Err(no_reply) => {
                let ending = self.end(worker, no_reply);
                self.lost(worker, &ending, Some(call));
                self.retry_or_give_up(job, name, ending, again);
                return false;
            }
        };
        let wanted = job.progress.end();
        if wanted {
            // Nobody may be waiting any more; the result is theirs to drop.
            let _ = job.reply.send(outcome);
        } else {
            // It was cancelled when its reply had come, and the worker killed.
            let ending = worker.end();
            self.lost(worker, &ending, Some(call));
            let _ = job.reply.send(Err(Error::Cancelled { call, task }));
        }
        self.shared.done(&job.progress);
        wanted
    }

    /// Decides what becomes of a call that has lost its worker.
    fn retry_or_give_up(&self, mut job: Job, worker: String, ending: Ending, again: bool) {
        let progress = job.progress.clone();
        job.lost.push((worker, ending));
        if !progress.wait_again() {
            job.cancelled();
        } else if again {
            self.shared.tell(Event::Retried { call: job.call });
            self.shared.queue(job);
        } else {
            job.give_up(None);
        }
        self.shared.done(&progress);
    }

    /// Sends a request and waits for the reply. What the request holds goes when it has
    /// been sent, unless it may be wanted `again`.
    ///
    /// A worker reads a request to its end before it replies, and this thread reads
    /// the reply before it sends the next, so the two never both wait to write,
    /// however large the messages are.
    fn ask(
        &self,
        worker: &mut WorkerProcess,
        request: &mut Message,
        again: bool,
        deadline: Option<Duration>,
    ) -> Result<Answer, NoReply> {
        let sent = {
            let sending = self.shared.sending.as_ref();
            let _turn = sending.map(|turn| turn.lock().unwrap_or_else(PoisonError::into_inner));
            worker
                .channel
                .set_deadline(deadline.map(|d| Instant::now() + d));
            worker.channel.send(request)
        };
        let bytes_sent = request.len();
        if !again {
            *request = Message::default();
        }
        match sent.and_then(|()| worker.channel.receive()) {
            Ok(Some(reply)) => {
                self.shared.count(bytes_sent, reply.len());
                Answer::read(reply).map_err(NoReply::Violation)
            }
            Ok(None) => Err(NoReply::HungUp),
            Err(error) => Err(match (error.kind(), deadline) {
                (io::ErrorKind::InvalidInput, _) => NoReply::Unsendable(error.to_string()),
                (io::ErrorKind::TimedOut, Some(deadline)) => NoReply::Overdue(deadline),
                _ if hung_up(&error) => NoReply::HungUp,
                // No message, or none that this process could take: after that there is
                // no telling where the next one begins.
                _ => NoReply::Violation(error.to_string()),
            }),
        }
    }

    /// Ends a worker that does not reply, and says how it ended.
    fn end(&self, worker: &mut WorkerProcess, no_reply: NoReply) -> Ending {
        match no_reply {
            NoReply::HungUp => self.starter.explain(worker.end()),
            NoReply::Violation(why) | NoReply::Unsendable(why) => {
                worker.kill();
                Ending::ProtocolViolation { why }
            }
            NoReply::Overdue(deadline) => {
                worker.kill();
                Ending::Overdue { deadline }
            }
        }
    }

    fn lost(&self, worker: &WorkerProcess, ending: &Ending, call: Option<u64>) {
        self.shared.tell(Event::Lost {
            worker: worker.name.clone(),
            ending: ending.clone(),
            call,
        });
    }

    /// A worker that serves in the place of the one that was lost; none where none is
    /// wanted any more.
    ///
    /// # Errors
    ///
    /// That of the last of several attempts. Without their end, a program whose workers
    /// cannot start would start them for ever.
    fn replace(&self, lost: &str) -> Result<Option<WorkerProcess>> {
        let number = self.starter.next_number();
        let mut pause = PAUSE;
        for attempt in 1.. {
            if !self.starter.replaces || self.shared.is_done() {
                return Ok(None);
            }
            let started = self.starter.start(number).and_then(|mut worker| {
                // It must answer, else it may be one that dies as soon as it starts.
                let first = self.starter.initializer.unwrap_or(registry::READY);
                let ready = self.initialize(&mut worker, first);
                ready.map(|()| worker).map_err(|why| why.error)
            });
            match started {
                Ok(worker) => {
                    self.shared.replaced();
                    self.shared.tell(Event::Replaced {
                        worker: lost.to_owned(),
                        by: worker.name.clone(),
                    });
                    return Ok(Some(worker));
                }
                Err(error) if attempt == ATTEMPTS => {
                    self.shared.tell(Event::NotReplaced {
                        worker: lost.to_owned(),
                        why: error.to_string(),
                    });
                    return Err(error);
                }
                Err(error) => {
                    self.shared.tell(Event::StartFailed {
                        why: error.to_string(),
                    });
                    thread::sleep(pause);
                }
            }
            pause *= 2;
        }
        Ok(None)
    }

    /// Has `worker` call an initializer, and waits for it.
    fn initialize(&self, worker: &mut WorkerProcess, task: &'static str) -> Result<(), NotReady> {
        let progress = self
            .shared
            .begin_initializer(task, &worker.name, worker.pidfd());
        let answer = match Request::encode(task, &()) {
            Ok(mut request) => self.ask(worker, &mut request, false, self.starter.deadline),
            Err(error) => Err(NoReply::Unsendable(error.to_string())),
        };
        let wanted = progress.end();
        self.shared.done(&progress);
        let (why, lost) = match answer {
            Ok(Answer::Done(_)) => return Ok(()),
            Ok(Answer::Panicked(message)) => (format!("it panicked: {message}"), false),
            Ok(Answer::Refused(why)) => (why, false),
            Err(no_reply) => (format!("it {}", self.end(worker, no_reply)), wanted),
        };
        let error = Error::Initializer {
            worker: worker.name.clone(),
            task,
            why,
        };
        Err(NotReady { error, lost })
    }
}
