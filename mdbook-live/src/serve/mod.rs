//! Knows the book as it is served: over HTTP, built anew when it changes, with live runs.
//! Never prints, and judges nothing itself.
//! Used by `cli` alone.

pub(crate) mod access;
pub(crate) mod connections;
pub mod events;
pub(crate) mod folder;
pub(crate) mod http;
pub mod queue;
pub mod rebuild;
pub mod server;
pub(crate) mod site;
pub mod stream;
pub(crate) mod watch;
