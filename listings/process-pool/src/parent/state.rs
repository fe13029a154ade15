//! Who has which calls: the queue, and what each worker has been asked for.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::parent::call::{Job, Progress};
use crate::parent::connection::{Bell, Connection};
use crate::parent::events::Statistics;
use crate::pidfd::PidFd;
use crate::wire::board::{Board, Count};
use crate::wire::message::Message;

/// Calls of one frame, at most.
const MOST_CALLS: usize = 256;

/// Where one worker of a pool works, and the next one when that is lost.
#[derive(Debug)]
pub(super) struct Place {
    pub number: usize,
    pub bell: Bell,
    /// Held by the thread that talks to the worker.
    pub connection: Mutex<Connection>,
}

impl Place {
    pub fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The same where no other thread holds it.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, Connection>> {
        self.connection.try_lock().ok()
    }
}

/// What the worker of a place has been asked for.
#[derive(Debug)]
pub(super) struct Desk {
    pub worker: Arc<str>,
    pub pidfd: PidFd,
    pub board: Arc<Board>,
    /// The calls of its frame that it has not answered. It carries them out in this order.
    pub jobs: VecDeque<Job>,
    /// How many calls of the frame it has answered.
    pub answered: Count,
}

/// Calls that are to be sent to a worker.
pub(super) struct Frame {
    pub message: Arc<Message>,
    pub calls: usize,
    /// How long the first one may take.
    pub deadline: Option<Duration>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub jobs: VecDeque<Job>,
    pub idle: Vec<Arc<Place>>,
    /// Of each place that has a worker, by its number.
    pub desks: Vec<Option<Desk>>,
    /// The workers that run an initializer.
    pub initializing: Vec<(PidFd, Arc<Progress>)>,
    pub closed: bool,
    /// Workers that serve or are being replaced. With none, nothing is queued.
    pub slots: usize,
    /// Why the last slot was given up, where its worker could not be replaced.
    pub why_none: Option<String>,
    pub statistics: Statistics,
}

impl State {
    /// The desk of a place that has a worker.
    pub fn desk(&mut self, place: usize) -> Option<&mut Desk> {
        self.desks.get_mut(place)?.as_mut()
    }

    /// Gives a place its share of the queue: one call, or several that are small where so
    /// many wait that each worker gets as many.
    pub fn hand_out(&mut self, place: usize, retries: usize) -> Option<Frame> {
        let share = (self.jobs.len() / (2 * self.slots.max(1))).clamp(1, MOST_CALLS);
        let desk = self.desks.get_mut(place)?.as_mut()?;
        while desk.jobs.len() < share
            && let Some(next) = self.jobs.front()
            && (desk.jobs.is_empty() || desk.jobs[0].is_small() && next.is_small())
            && let Some(job) = self.jobs.pop_front()
        {
            if job.progress.is_cancelled() {
                job.cancelled();
            } else {
                desk.jobs.push_back(job);
            }
        }
        let calls = desk.jobs.len();
        let first = desk.jobs.front_mut()?;
        let deadline = first.deadline;
        desk.answered = 0;
        desk.board.offer(calls as Count);
        let message = if calls > 1 {
            let controls = desk.jobs.iter().map(|job| &job.request.control[..]);
            Arc::new(Message {
                control: controls.collect::<Vec<_>>().concat(),
                ..Message::default()
            })
        } else if first.is_small() || first.lost.len() < retries {
            first.request.clone()
        } else {
            // Nobody wants it again: it goes when it has been sent.
            std::mem::take(&mut first.request)
        };
        Some(Frame {
            message,
            calls,
            deadline,
        })
    }

    /// Puts the calls that have been sent and not begun at the front of the queue, where
    /// another worker may take them.
    pub fn take_back(&mut self) {
        for desk in self.desks.iter_mut().flatten() {
            if desk.jobs.len() < 2 {
                continue;
            }
            // The first counts as begun: a worker may also be lost because it read its request.
            let kept = desk.board.take_back(desk.answered + 1);
            // What a worker says is not to be trusted with another's calls.
            let kept = kept.saturating_sub(desk.answered).into();
            let kept = usize::clamp(kept, 1, desk.jobs.len());
            let back = desk.jobs.split_off(kept);
            back.into_iter()
                .rev()
                .for_each(|job| self.jobs.push_front(job));
        }
    }

    /// Wakes as many idle workers' threads as there are calls that wait.
    pub fn ring(&mut self) {
        let count = self.jobs.len().min(self.idle.len());
        let rung = self.idle.split_off(self.idle.len() - count);
        rung.iter().for_each(|place| place.bell.ring());
    }

    /// Counts the bytes of a request and of its reply.
    pub fn count(&mut self, sent: usize, received: usize) {
        self.statistics.bytes_sent += sent as u64;
        self.statistics.bytes_received += received as u64;
    }

    /// Whether nothing waits or runs.
    pub fn is_empty(&self) -> bool {
        let busy = |desk: &Desk| !desk.jobs.is_empty();
        self.jobs.is_empty()
            && self.initializing.is_empty()
            && !self.desks.iter().flatten().any(busy)
    }
}
