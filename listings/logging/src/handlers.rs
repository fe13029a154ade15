//! A list of handlers behind the `log` crate, as Python's root logger has one.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use log::{LevelFilter, Log, Metadata, Record};

// ANCHOR: handlers
/// Each handler prints each line. Nothing keeps one from being here twice.
static HANDLERS: Mutex<Vec<fn(&Record)>> = Mutex::new(Vec::new());

/// Appends a handler, and gives the list to the `log` crate as its logger.
pub fn add_handler() {
    HANDLERS
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(print_line);
    give_list_to_log_crate();
}

fn give_list_to_log_crate() {
    // Refused where this process, or the one that it was forked from, has set it
    // before. The list is reached all the same.
    let _ = log::set_boxed_logger(Box::new(Handlers));
    log::set_max_level(LevelFilter::Debug);
}

/// Prints what a line to be logged meets in this process.
pub fn report() {
    let handlers = HANDLERS
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .len();
    print(format_args!(
        "handlers: {handlers}, level: {}",
        log::max_level()
    ));
}
// ANCHOR_END: handlers

// ANCHOR: one
/// Has this process end up with one handler, however many it began with.
pub fn have_one_handler() {
    *HANDLERS.lock().unwrap_or_else(PoisonError::into_inner) = vec![print_line];
    give_list_to_log_crate();
}
// ANCHOR_END: one

/// The logger that hands each line to every handler.
pub struct Handlers;

impl Log for Handlers {
    fn enabled(&self, _: &Metadata) -> bool {
        true
    }

    fn log(&self, record: &Record) {
        let handlers = HANDLERS.lock().unwrap_or_else(PoisonError::into_inner);
        for handle in handlers.iter() {
            handle(record);
        }
    }

    fn flush(&self) {}
}

/// The logger's name and the message.
fn print_line(record: &Record) {
    print(format_args!("{}:   {}", record.target(), record.args()));
}

/// Prints one line in one write: the process, then `text`.
pub fn print(text: fmt::Arguments) {
    let line = format!("{} - {text}\n", mem_trace::name());
    // A log line that cannot be printed has nowhere else to be reported.
    let _ = io::stdout().write_all(line.as_bytes());
}

/// What Python's `logging.getLogger(name)` returns: an object for each name.
pub struct Logger {
    name: &'static str,
}

impl Logger {
    /// The logger of the module `name`.
    pub const fn named(name: &'static str) -> Self {
        Self { name }
    }

    /// Logs one line under this logger's name.
    pub fn debug(&self, message: fmt::Arguments) {
        log::debug!(target: self.name, "{message}");
    }
}
