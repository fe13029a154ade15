//! What the programs of this listing share: the ways to end, and a lock between processes.

pub mod fault;
pub mod shared_lock;
