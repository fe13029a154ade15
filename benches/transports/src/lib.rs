//! What the contenders have in common: the records and their parts, how a run is measured,
//! and how two workers of a transport are fed.

pub mod contender;
pub mod workers;

use anyhow::{Result, anyhow};
use records::{Record, nansum};

/// How many workers, or threads, a contender has.
pub const WORKERS: usize = 2;

/// Into how many parts the records are cut.
pub const PARTS: usize = 8;

/// The sum of the records that `part` holds.
///
/// # Errors
///
/// Where it does not hold whole records, or they are not aligned.
pub fn sum(part: &[u8]) -> Result<f64> {
    records_in(part).map(nansum)
}

/// The records that `part` holds.
///
/// # Errors
///
/// As [`sum`].
pub fn records_in(part: &[u8]) -> Result<&[Record]> {
    bytemuck::try_cast_slice(part)
        .map_err(|error| anyhow!("expected whole, aligned records: {error}"))
}
