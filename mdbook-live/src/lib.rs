//! Runs, records, checks and shows the listings of a book.
//!
//! A *listing* is a crate that a chapter embeds; its `runs.toml` names its
//! [runs](runs::Run) and what the book [claims](claims::Claim) of each. A run is
//! known by its full name, `LISTING/RUN`. What it printed and when is its
//! [record](record::Record). One path serves the terminal, the page, the tests
//! and the recorder: `runs.toml → run → lines with times → claims → verdicts`.

pub mod agreement;
pub mod ansi;
pub mod build;
pub mod cargo;
pub mod check;
pub mod claims;
pub mod cli;
pub mod diagram;
pub mod directives;
pub mod ending;
pub mod excerpt;
pub mod figures;
pub mod host;
pub mod live;
pub mod marks;
pub mod page;
pub mod preprocess;
pub mod record;
pub mod recorder;
pub mod runner;
pub mod runs;
pub mod sampler;
pub mod serve;
pub mod session;
pub mod sources;
pub mod timeline;
pub mod verdicts;

#[cfg(test)]
mod fixture_book;
mod guard;
mod processes;
mod runs_toml;
mod terminal;
