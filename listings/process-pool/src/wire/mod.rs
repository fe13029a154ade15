//! Knows what travels between two processes of a pool: frames, values, requests, orders.
//! Never starts or ends a process, looks up a task, or decides who this process is.
//! Callers: every other room.

mod ahead;
pub(crate) mod board;
pub(crate) mod buffer;
pub(crate) mod channel;
pub(crate) mod fingerprint;
pub(crate) mod message;
pub(crate) mod protocol;

#[cfg(test)]
mod tests;
