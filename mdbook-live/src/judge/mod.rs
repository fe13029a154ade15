//! Evidence against a book: which claims hold, what agrees, what is stale.
//! It writes no HTML and starts no process; `fingerprint` and `workspace` alone read files.
//! Called by every room above it; it calls `record`, `book` and `text`.

pub mod agreement;
pub mod checks;
pub mod counter_run;
pub mod digest;
pub mod evidence;
pub mod figures;
pub mod fingerprint;
mod folder;
pub mod freshness;
mod hashing;
pub mod machines;
pub mod question;
mod rust_tokens;
pub mod statements;
mod workspace;
