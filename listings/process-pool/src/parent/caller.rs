//! What a caller's thread does by itself: it sends a call to an idle worker, and receives the
//! reply that it waits for.

use std::sync::{Arc, MutexGuard};

use crate::parent::call::Job;
use crate::parent::connection::Connection;
use crate::parent::queue::{Shared, Then};
use crate::parent::state::{Desk, Place, State};

/// Bytes that fit into the socket of an idle worker, so that a caller who sends them need not
/// wait.
const AT_ONCE: usize = 128 << 10;

impl Shared {
    /// Sends a call to an idle worker from this thread, or queues it; the place of the worker,
    /// whose thread waits for the reply unless [`wait_at`](Self::wait_at) does.
    pub fn submit(&self, mut job: Job) -> Option<Arc<Place>> {
        job.deadline = job.deadline.or(self.deadline);
        // What may not fit into a socket is the worker's thread's to send.
        let at_once = self.sending.is_none() && job.request.len() <= AT_ONCE;
        let mut state = self.lock();
        if state.slots == 0 {
            let why = state.why_none.clone();
            drop(state);
            job.give_up(why);
            return None;
        }
        state.jobs.push_back(job);
        let place = state.idle.pop()?;
        if at_once && state.jobs.len() == 1 && self.send_now(state, &place) {
            return Some(place);
        }
        place.bell.ring();
        None
    }

    /// Sends the one call that waits to the idle worker of `place`; false where its thread has
    /// to look after it.
    fn send_now(&self, mut state: MutexGuard<'_, State>, place: &Arc<Place>) -> bool {
        // Where its thread is awake, that has it, and looks at the queue before it sleeps.
        let Some(mut connection) = place.try_lock() else {
            return false;
        };
        // One that died while it was idle is not given a call to lose.
        if connection.worker.pidfd().has_ended() {
            return false;
        }
        let Some(frame) = state.hand_out(place.number, self.retries) else {
            return false;
        };
        drop(state);
        connection.set_deadline(frame.deadline);
        let sent = connection.send(&frame.message);
        let left = sent.and_then(|()| {
            // Where the two share a core, the worker has run first, and no other thread need
            // be woken for the reply.
            if connection.reply_has_come()? {
                self.receive_now(place, &mut connection);
            } else {
                connection.leave_reply_to_driver()?;
            }
            Ok(())
        });
        if let Err(no_reply) = left {
            connection.failed = Some(no_reply);
            return false;
        }
        true
    }

    /// Waits, in the thread that waits for it anyway, for the reply to a call that was sent to
    /// the worker of `place`, unless the worker's thread does so already.
    pub fn wait_at(&self, place: &Arc<Place>, call: u64) {
        let Some(mut connection) = place.try_lock() else {
            return;
        };
        let is_asked = |desk: &mut Desk| desk.jobs.front().is_some_and(|job| job.call == call);
        if connection.failed.is_none()
            && self.lock().desk(place.number).is_some_and(is_asked)
            && connection.take_reply_from_driver().is_ok()
        {
            self.receive_now(place, &mut connection);
        }
    }

    /// Receives the reply to the one call that the worker of `place` has. Anything else is for
    /// its thread to deal with.
    fn receive_now(&self, place: &Arc<Place>, connection: &mut Connection) {
        let received = connection.receive(false);
        let answered = |(answer, bytes)| self.answered(place.number, answer, bytes);
        match received.map(|reply| reply.map(answered)) {
            Ok(Some(Then::IsFree)) => self.rest(place),
            Ok(_) => place.bell.ring(),
            Err(no_reply) => {
                connection.failed = Some(no_reply);
                place.bell.ring();
            }
        }
    }

    /// Has the worker of `place` wait for a call, or its thread look what else there is to do.
    fn rest(&self, place: &Arc<Place>) {
        let mut state = self.lock();
        if state.jobs.is_empty() {
            state.take_back();
        }
        if state.jobs.is_empty() && !state.closed {
            state.idle.push(place.clone());
        } else {
            place.bell.ring();
        }
    }
}
