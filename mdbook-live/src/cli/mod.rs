//! The command line: arguments, a file for each verb, and all that is printed.
//! It decides nothing about a run: it shows what `verbs`, `serve` and `judge` return.
//! Called by `main` alone.

mod account;
mod arguments;
mod build;
mod check;
#[cfg(test)]
pub mod commands;
mod exercise;
mod exit_status;
mod falsify;
pub(crate) mod json;
mod list;
mod preprocess;
mod problem;
mod program;
mod record;
mod report;
mod review;
mod run;
mod scaffold;
mod selection;
mod serve;
mod terminal;
mod text_files;

pub use program::main;
