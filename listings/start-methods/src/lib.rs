//! What the experiments of the notes' table share: children to ask, memory of a known size,
//! and the experiments themselves, one for each row.

pub mod block;
pub mod children;
pub mod copy_on_write;
pub mod cost;
pub mod descriptors;
pub mod findings;
pub mod mappings;
pub mod memory;
pub mod portability;
pub mod security;
pub mod signals;
