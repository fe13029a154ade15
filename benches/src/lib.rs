//! What the comparisons of this crate share: the programs that they start, how often they
//! ran, and what the rounds have in common.

pub mod calls;
pub mod one_kill;
pub mod programs;
pub mod running;
pub mod spread;
