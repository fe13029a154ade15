//! What a parent asks of its pool's processes, and what they reply.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::wire::message::{Descriptor, Message, Unsendable, decode_exactly};

/// The first argument of a spawned worker; the second is the number of its socket, the third
/// its parent's process id.
pub(crate) const WORKER_FLAG: &str = "--process-pool-worker";

/// The first argument of a fork server; the second is the number of its socket.
pub(crate) const SERVER_FLAG: &str = "--process-pool-fork-server";

/// What a parent asks: the name of a task and its encoded argument.
#[derive(Serialize, Deserialize)]
pub(crate) struct Request<'a> {
    pub task: &'a str,
    pub argument: &'a [u8],
}

impl Request<'_> {
    /// The message that asks for one call of `task`.
    ///
    /// # Errors
    ///
    /// Where the argument would not arrive as it is.
    pub fn encode<A>(task: &str, argument: &A) -> Result<Message, Unsendable>
    where
        A: Serialize + DeserializeOwned,
    {
        let argument = Message::encode_surviving(argument)?;
        let request = Request {
            task,
            argument: &argument.control,
        };
        Ok(Message {
            control: postcard::to_stdvec(&request)?,
            ..argument
        })
    }
}

/// What a worker replies.
#[derive(Serialize, Deserialize)]
pub(crate) enum Reply {
    /// The encoded result.
    Done(Vec<u8>),
    /// The message and place of the task's panic.
    Panicked(String),
    /// The request could not be carried out; the task was not called, or its
    /// result cannot be sent.
    Refused(String),
}

impl Reply {
    /// The message that carries this reply alone.
    pub fn encode(&self) -> Message {
        // Encoding strings and bytes to memory cannot fail.
        Message::encode(self).unwrap_or_default()
    }
}

/// A reply as the parent reads it.
pub(crate) enum Answer {
    Done(Message),
    Panicked(String),
    Refused(String),
}

impl Answer {
    /// Reads `message` as a reply; the error says why it is none.
    pub fn read(message: Message) -> Result<Self, String> {
        match decode_exactly(&message.control) {
            Ok(Reply::Done(control)) => Ok(Self::Done(Message { control, ..message })),
            Ok(Reply::Panicked(text)) => Ok(Self::Panicked(text)),
            Ok(Reply::Refused(why)) => Ok(Self::Refused(why)),
            Err(error) => Err(error.to_string()),
        }
    }
}

// ANCHOR: orders
/// What a fork server is asked for: a worker of this name. It serves `socket`; on
/// `reports` the server sends a [`Started`], and then an [`Ended`].
#[derive(Serialize, Deserialize)]
pub(crate) struct Order {
    pub name: String,
    pub socket: Descriptor,
    pub reports: Descriptor,
}
// ANCHOR_END: orders

/// Whether the server has forked the worker: a descriptor of its process
/// (pidfd_open(2)), by which its pool can watch and kill it.
#[derive(Serialize, Deserialize)]
pub(crate) struct Started(pub Result<Descriptor, Refusal>);

/// How a worker that the server forked has ended: its status as wait(2) gives it.
#[derive(Serialize, Deserialize)]
pub(crate) struct Ended {
    pub status: i32,
}

/// Why a process did not fork. Errors are numbers of errno(3).
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Refusal {
    /// It has this many threads.
    Threads(usize),
    /// /proc/self/task could not be read.
    ThreadsUnknown(Option<i32>),
    /// The system refused.
    System(i32),
}
