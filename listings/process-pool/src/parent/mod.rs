//! Knows how workers are started, fed, watched, replaced and reaped by the process that
//! uses them. Never runs a task; of `child` it calls only the worker's loop, in a forked child.
//! Callers: the crate's users, through the names that `lib.rs` exports.

mod again;
mod call;
mod caller;
mod connection;
mod driver;
pub(crate) mod events;
pub(crate) mod fork_server;
mod limits;
pub(crate) mod pool;
pub(crate) mod process;
pub(crate) mod queue;
pub(crate) mod start;
mod state;
