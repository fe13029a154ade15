//! Memory that several processes write to, and what they need besides: a way to wait for each
//! other, and a way to learn that the other has died.

pub mod child;
pub mod futex;
pub mod ring;
pub mod robust;
pub mod shared;

use std::array;

/// What is passed: eight words, 64 bytes.
pub type Message = [u64; WORDS];

/// Words of a message.
pub const WORDS: usize = 8;

/// The message of this number. No two messages have a word in common.
pub fn message(number: u64) -> Message {
    array::from_fn(|word| number * WORDS as u64 + word as u64)
}

/// The sum of all words of the first `count` messages.
pub fn sum_of_first(count: u64) -> u64 {
    let words = count * WORDS as u64;
    words * words.saturating_sub(1) / 2
}
