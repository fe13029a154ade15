//! The list that every program of this listing changes, and the task that changes it.

pub mod page;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::Duration;

use mem_trace::trace;

use crate::page::OwnPage;

// ANCHOR: list
/// The list, alone on its page of memory.
pub static LIST: OwnPage<Mutex<Vec<String>>> = OwnPage(Mutex::new(Vec::new()));

/// Takes the place of Python's module scope: `main` calls it first of all, in the
/// parent, in every spawned worker and in a fork server.
pub fn module_scope() {
    list().push("Initial value".to_string());
    trace!(
        "[MODULE SCOPE] List(id: {:p}) initially: {:?}",
        &LIST,
        list()
    );
}
// ANCHOR_END: list

// ANCHOR: task
/// The task: an update after `count` tenths of a second.
pub fn append_to_list(count: u64) {
    sleep(Duration::from_millis(100 * count));
    trace!("[FUNC SCOPE] List(id: {:p}) initially: {:?}", &LIST, list());
    append(&format!("Child process {count} update"));
}

/// Appends one update to this process's list.
pub fn append(update: &str) {
    list().push(update.to_string());
    trace!("Updated List(id: {:p}): {:?}", &LIST, list());
}
// ANCHOR_END: task

/// The list, locked by this process. Each process has a lock of its own.
pub fn list() -> MutexGuard<'static, Vec<String>> {
    LIST.0.lock().unwrap_or_else(PoisonError::into_inner)
}
