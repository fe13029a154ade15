//! The task again, in a module with a logger of its own.

use std::thread::sleep;
use std::time::Duration;

use logging::handlers::{self, Logger};

/// This module's logger: another object than that of `main.rs`.
static LOGGER: Logger = Logger::named(module_path!());

/// Logs one line after `count` tenths of a second.
pub fn call_logger(count: u64) {
    sleep(Duration::from_millis(100 * count));
    handlers::report();
    LOGGER.debug(format_args!(
        "Logger(id: {:p}): function executed.",
        &LOGGER
    ));
}
