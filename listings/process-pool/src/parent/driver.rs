//! The thread that looks after one worker, and the next one when that is lost.
//!
//! ```text
//! caller ── call ──▶ queue ── frame of calls ──▶ driver ──▶ worker
//!    │                 ▲                           │ ◀─────── replies, up to a deadline
//!    │                 └── once more ──────────────┤
//!    │                                             └── lost: reaped, told, replaced
//!    └── call, where a worker is idle ─────────────────────▶ worker
//!        ◀───── reply, where the caller waits for it ────────┘
//! ```
//!
//! It sleeps while a caller talks to the worker. It has what the caller does not wait for,
//! and all that is not a reply.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::error::{Ending, Error, Result};
use crate::parent::connection::{Bell, Connection, NoReply};
use crate::parent::events::Event;
use crate::parent::queue::{Next, Shared, Then};
use crate::parent::start::{Starter, WorkerProcess};
use crate::parent::state::{Frame, Place};
use crate::registry;
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
    /// The number of its place.
    pub place: usize,
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
    pub fn start(&self, number: usize, forked: Option<WorkerProcess>) -> Result<Connection> {
        let worker = match forked {
            Some(worker) => worker,
            None => self.starter.start(number)?,
        };
        let mut connection = self.connect(worker)?;
        let name = connection.worker.name.clone();
        if let Some(initializer) = self.starter.initializer
            && let Err(NotReady { error, lost }) = self.initialize(&mut connection, initializer)
        {
            if !lost || self.shared.retries == 0 {
                return Err(error);
            }
            self.shared.tell(Event::StartFailed {
                why: error.to_string(),
            });
            return self.replace(&name)?.ok_or(error);
        }
        self.shared.tell(Event::Started { worker: name });
        Ok(connection)
    }

    fn connect(&self, worker: WorkerProcess) -> Result<Connection> {
        let name = worker.name.clone();
        Connection::new(worker, &self.bell).map_err(|error| Error::not_started(name, error))
    }

    /// Feeds a worker until the pool closes, and each one that takes its place.
    pub fn drive(self, connection: Connection) {
        self.shared.seat(self.place, &connection);
        let mut watch = connection.watch.clone();
        let place = Arc::new(Place {
            number: self.place,
            bell: self.bell.clone(),
            connection: Mutex::new(connection),
        });
        let why = loop {
            let mut connection = place.lock();
            let served = match self.shared.next(&place, connection.worker.pidfd()) {
                Next::Idle => {
                    drop(connection);
                    watch.wait();
                    continue;
                }
                Next::Closed => break None,
                Next::Calls(frame) => {
                    let sent = self.send(&mut connection, &frame);
                    sent.and_then(|()| self.receive(&mut connection, frame.calls == 1))
                }
                Next::Reply => self.receive(&mut connection, true),
                Next::Ended => Err(NoReply::HungUp),
            };
            let Err(no_reply) = served else {
                continue;
            };
            self.lost(&mut connection.worker, no_reply);
            match self.replace(&connection.worker.name) {
                Ok(Some(next)) => {
                    self.shared.seat(self.place, &next);
                    watch = next.watch.clone();
                    *connection = next;
                }
                Ok(None) => break None,
                Err(why) => break Some(why.to_string()),
            }
        };
        self.shared.give_up_slot(why);
    }

    fn send(&self, connection: &mut Connection, frame: &Frame) -> Result<(), NoReply> {
        let sending = self.shared.sending.as_ref();
        let _turn = sending.map(|turn| turn.lock().unwrap_or_else(PoisonError::into_inner));
        connection.set_deadline(frame.deadline);
        connection.send(&frame.message)
    }

    /// Receives the replies to what the worker has been sent, to each call when it is there.
    fn receive(&self, connection: &mut Connection, is_last: bool) -> Result<(), NoReply> {
        if let Some(no_reply) = connection.failed.take() {
            return Err(no_reply);
        }
        let mut is_last = is_last;
        loop {
            let Some((answer, bytes)) = connection.receive(!is_last)? else {
                // This one is not small. The others need not wait for it, nor this thread
                // look again.
                self.shared.take_back(self.place);
                is_last = true;
                continue;
            };
            match self.shared.answered(self.place, answer, bytes) {
                Then::GoesOn(deadline, last) => {
                    connection.set_deadline(deadline);
                    is_last = last;
                }
                Then::IsFree => return Ok(()),
                Then::IsKilled => return Err(NoReply::HungUp),
            }
        }
    }

    /// Ends a worker that does not reply, and decides what becomes of its calls.
    fn lost(&self, worker: &mut WorkerProcess, no_reply: NoReply) {
        let call = self.shared.take_back(self.place);
        let ending = self.end(worker, no_reply);
        self.shared.tell(Event::Lost {
            worker: worker.name.clone(),
            ending: ending.clone(),
            call,
        });
        self.shared.unseat(self.place, &ending);
    }

    /// Ends a worker that does not reply, and says how it ended.
    fn end(&self, worker: &mut WorkerProcess, no_reply: NoReply) -> Ending {
        match no_reply {
            NoReply::HungUp => self.starter.explain(worker.end()),
            NoReply::Violation(why) => {
                worker.kill();
                Ending::ProtocolViolation { why }
            }
            NoReply::Overdue(deadline) => {
                worker.kill();
                Ending::Overdue { deadline }
            }
        }
    }

    /// A worker that serves in the place of the one that was lost; none where none is
    /// wanted any more.
    ///
    /// # Errors
    ///
    /// That of the last of several attempts. Without their end, a program whose workers
    /// cannot start would start them for ever.
    fn replace(&self, lost: &str) -> Result<Option<Connection>> {
        let number = self.starter.next_number();
        let mut pause = PAUSE;
        for attempt in 1.. {
            if !self.starter.replaces || self.shared.is_done() {
                return Ok(None);
            }
            let worker = self.starter.start(number);
            let started = worker.and_then(|worker| {
                let mut connection = self.connect(worker)?;
                // It must answer, else it may be one that dies as soon as it starts.
                let first = self.starter.initializer.unwrap_or(registry::READY);
                let ready = self.initialize(&mut connection, first);
                ready.map(|()| connection).map_err(|why| why.error)
            });
            match started {
                Ok(connection) => {
                    self.shared.replaced();
                    self.shared.tell(Event::Replaced {
                        worker: lost.to_owned(),
                        by: connection.worker.name.clone(),
                    });
                    return Ok(Some(connection));
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

    /// Has a worker call an initializer, and waits for it.
    fn initialize(&self, connection: &mut Connection, task: &'static str) -> Result<(), NotReady> {
        let progress = self.shared.begin_initializer(connection.worker.pidfd());
        let request = Request::encode(task, &()).unwrap_or_default();
        let (sent, mut received) = (request.len(), 0);
        let frame = Frame {
            message: Arc::new(request),
            calls: 1,
            deadline: self.starter.deadline,
        };
        connection.board.offer(1);
        let answer = self.send(connection, &frame).and_then(|()| {
            let reply = connection.receive(false)?;
            let (answer, bytes) = reply.ok_or(NoReply::HungUp)?;
            received = bytes;
            Ok(answer)
        });
        let wanted = !progress.is_cancelled();
        self.shared.end_initializer(&progress, sent, received);
        let (why, lost) = match answer {
            Ok(Answer::Done(_)) => return Ok(()),
            Ok(Answer::Panicked(message)) => (format!("it panicked: {message}"), false),
            Ok(Answer::Refused(why)) => (why, false),
            Err(no_reply) => {
                let ending = self.end(&mut connection.worker, no_reply);
                (format!("it {ending}"), wanted)
            }
        };
        let error = Error::Initializer {
            worker: connection.worker.name.clone(),
            task,
            why,
        };
        Err(NotReady { error, lost })
    }
}
