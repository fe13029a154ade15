//! x
pub use crate::fork_tree::problem;
