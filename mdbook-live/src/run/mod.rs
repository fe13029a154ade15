//! Programs: built, started, watched, sampled, ended.
//! The only room that starts a process or sends a signal; it decides nothing about a run.
//! Called by `verbs` and `serve`.

mod as_meant;
mod at_end;
mod begin;
pub mod cargo;
pub mod children;
mod clock;
pub mod environment;
pub mod host;
pub mod launch;
mod layout;
pub mod limits;
mod memory_limit;
mod neutral_paths;
mod observer;
pub mod prebuilt;
mod prepared;
mod proc;
mod ptrace;
mod run_id;
pub mod runner;
mod sampler;
pub mod scratch;
pub mod session;
pub mod shutdown;
pub mod stop;
pub mod tool;
mod tree;
mod watchdog;

#[cfg(test)]
mod observed;
#[cfg(test)]
mod tests;
