//! What a run did: its lines, memory, marks and exit, in memory and on disk.
//! It starts nothing and judges nothing.
//! Every room above it may call it; it calls `book` and `text`.

pub mod account;
pub mod built_from;
pub mod cast;
pub mod files;
pub mod line;
pub mod marks;
pub mod memory;
pub mod progress;
mod reference;
pub mod report;
pub mod result;
pub mod seen_to_fail;
pub mod timeline;
