//! Runs, records, checks and shows the listings of a book.
//!
//! A *listing* is a folder that a chapter embeds, a crate or a script; its `runs.toml` names its runs and what the
//! book claims of each. A run is known by its full name, `LISTING/RUN`. What it printed and
//! when is its record. One path serves the terminal, the page, the tests and the recorder:
//! `runs.toml → run → lines → judge → verdicts`.
//!
//! The rooms, each of which may use those below it:
//!
//! | room | what it knows |
//! | --- | --- |
//! | `cli` | arguments, and all that is printed |
//! | `serve` | the book over HTTP, and live runs |
//! | `verbs` | build, check, falsify, record |
//! | `chapter` | directives in chapters: mdBook's preprocessor |
//! | `plain` | Markdown for other renderers than HTML |
//! | `page` | HTML |
//! | `run` | processes (used by `verbs` and `serve` alone) |
//! | `judge` | claims, agreement, figures, freshness |
//! | `record` | what a run did, in memory and on disk |
//! | `book` | what the author wrote: `runs.toml` and `book.toml` |
//! | `text` | escape sequences, numbers, words |

// Runs are watched through /proc and ended by pidfds: elsewhere there is nothing but `main.rs`,
// which says so.
#![cfg(target_os = "linux")]

mod book;
mod chapter;
mod cli;
mod judge;
mod page;
mod plain;
mod record;
mod run;
mod serve;
mod text;
mod verbs;

pub use book::exercises::ExerciseRef;
pub use book::listing::{Book, Run, RunRef, Size};
pub use cli::main;
pub use run::session::Session;
pub use run::stop::Stop;
pub use verbs::build::build;
pub use verbs::check::Checker;
pub use verbs::exercise::{Starter, try_starter};
pub use verbs::pack::pack;

#[cfg(test)]
mod fixture_book;
#[cfg(test)]
mod reference;
