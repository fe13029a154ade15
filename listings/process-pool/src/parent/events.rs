//! What a pool tells about its life: events while it works, numbers when asked.

use std::fmt;

use crate::error::Ending;

/// What happened to a worker or a call. Its text is one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A worker serves.
    Started {
        /// Its name.
        worker: String,
    },
    /// A worker has ended before its pool did.
    Lost {
        /// Its name.
        worker: String,
        /// How it ended.
        ending: Ending,
        /// The call that it had, if it had one.
        call: Option<u64>,
    },
    /// A call that lost its worker waits for another one.
    Retried {
        /// Its number.
        call: u64,
    },
    /// Another worker serves in the place of one that was lost.
    Replaced {
        /// The name of the lost one.
        worker: String,
        /// The name of the new one.
        by: String,
    },
    /// A worker was started and did not get as far as to serve; another attempt follows.
    StartFailed {
        /// What happened to it.
        why: String,
    },
    /// No worker could be started in the place of one that was lost, in several
    /// attempts. The pool goes on with those that it has left.
    NotReplaced {
        /// The name of the lost one.
        worker: String,
        /// Why the last attempt failed.
        why: String,
    },
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started { worker } => write!(f, "{worker} serves"),
            Self::Lost {
                worker,
                ending,
                call: Some(call),
            } => write!(f, "{worker} {ending} during batch {call}"),
            Self::Lost { worker, ending, .. } => write!(f, "{worker} {ending} while it was idle"),
            Self::Retried { call } => write!(f, "batch {call} runs again"),
            Self::Replaced { worker, by } => write!(f, "{by} serves in the place of {worker}"),
            Self::StartFailed { why } => f.write_str(why),
            Self::NotReplaced { worker, why } => write!(f, "{worker} is not replaced: {why}"),
        }
    }
}

/// What a pool has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Calls that were submitted.
    pub calls: u64,
    /// How often a call was put back into the queue because it lost its worker.
    pub retries: u64,
    /// Workers that were started in the place of lost ones.
    pub replacements: u64,
    /// Bytes of the requests that were sent whole, without their frames' heads.
    pub bytes_sent: u64,
    /// Bytes of the replies that were received whole, without their frames' heads.
    pub bytes_received: u64,
}
