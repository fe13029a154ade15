//! What the programs of this listing share: ways to end, faults of a pool, a lock between
//! processes, and what a pool tells.

use std::fs::File;
use std::path::Path;

use process_pool::Event;

pub mod cases;
pub mod fault;
pub mod shared_lock;

/// Prints what happens to a pool's workers and calls, but not that its first workers start.
pub fn print_event(event: &Event) {
    if !matches!(event, Event::Started { .. }) {
        println!("{event}");
    }
}

/// Whether no process has come here before: the first one leaves this file behind.
pub fn is_first(mark: &Path) -> bool {
    File::create_new(mark).is_ok()
}
