//! What the chapter's programs share: the records as a table of files, the query, and the
//! processes that answer it together.

pub mod cluster;
pub mod error;
pub mod node;
pub mod query;
pub mod table;

pub use error::{Error, Result};
