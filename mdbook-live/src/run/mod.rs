//! Programs: built, started, watched, sampled, ended.
//! The only room that starts a process or sends a signal; it decides nothing about a run.
//! Called by `verbs` and `serve`.

pub mod cargo;
pub mod host;
pub mod proc;
pub mod runner;
pub mod sampler;
pub mod session;
pub mod shutdown;
