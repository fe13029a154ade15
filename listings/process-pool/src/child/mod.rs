//! Knows what the other process does: a worker runs tasks, a fork server forks workers.
//! Never imports `parent`, and never returns to the code that called it.
//! Callers: `guard`, and `parent::start` in a child that it has forked.

pub(crate) mod fork_server;
mod standard_input;
pub(crate) mod worker;
