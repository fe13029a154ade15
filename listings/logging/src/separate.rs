//! The task again, in a module with a logger of its own.

use std::thread::sleep;
use std::time::Duration;

use crate::handlers::Logger;

/// This module's logger: another object than that of `main.rs`.
static LOGGER: Logger = Logger::named(module_path!());

/// Logs one line after `count` seconds.
pub fn call_logger(count: u64) {
    sleep(Duration::from_secs(count));
    LOGGER.debug(format_args!(
        "Logger(id: {:p}): function executed.",
        &LOGGER
    ));
}
