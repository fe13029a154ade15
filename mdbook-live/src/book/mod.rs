//! What the author wrote: listings, runs, claims, figures and charts.
//! It starts nothing and judges nothing; `load` alone opens `runs.toml` and `book.toml`.
//! Every room above it may call it; it calls `text` alone.

pub mod anchors;
pub mod chart;
pub mod claim;
mod claim_toml;
mod compiler_words;
pub mod config;
pub mod counter_run;
pub mod course;
pub mod exercise;
pub mod exercises;
pub mod figure;
pub mod folder;
pub mod listing;
pub mod load;
mod load_run;
pub mod package;
pub mod pattern;
pub mod program;
pub mod question;
mod runs_toml;
#[cfg(test)]
pub mod schemas;
pub mod site;
pub mod source;
pub mod surroundings;
mod timeout;
pub mod varies;
