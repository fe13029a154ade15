//! What the programs of this listing share.

pub mod beside;
pub mod watchdog;
