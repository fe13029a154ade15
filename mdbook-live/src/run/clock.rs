//! A run's time.

use std::time::Instant;

/// Seconds since `start`, to the microsecond: what a record keeps.
pub(super) fn seconds_since(start: Instant) -> f64 {
    // A run's microseconds are far below 2⁵³.
    start.elapsed().as_micros() as f64 / 1e6
}
