//! Whether the data fits into this machine's memory, and onto its disk.

use command_line::grouped;
use mem_trace::{available_memory, mebibytes};

use crate::Record;
use crate::error::{Error, Result};

/// Refuses a run that would not fit: one that holds `records` `copies` times.
///
/// # Errors
///
/// [`Error::DoesNotFit`]: one line that says what is needed and what is free.
pub fn require_memory(records: usize, copies: f64) -> Result<()> {
    // Where the system does not tell, the run is the test.
    let Some(free) = available_memory() else {
        return Ok(());
    };
    let needs = (records as f64 * size_of::<Record>() as f64 * copies) as u64;
    require("this run", "memory", records, needs, free)
}

/// Refuses what `needs` more bytes than are `free`, and says how many records
/// would fit.
pub(crate) fn require(
    what: &str,
    of: &'static str,
    records: usize,
    needs: u64,
    free: u64,
) -> Result<()> {
    if needs <= free {
        return Ok(());
    }
    let per_record = (needs / records as u64).max(size_of::<Record>() as u64);
    let fit = free / per_record;
    // Two digits are enough to type.
    let unit = 10u64.pow(fit.checked_ilog10().unwrap_or(0).saturating_sub(1));
    let fit = fit / unit * unit;
    Err(Error::DoesNotFit {
        what: what.to_string(),
        of,
        needs: mebibytes(needs),
        free: mebibytes(free),
        fit: grouped(fit as usize),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_told_with_what_would() {
        assert!(require("this", "memory", 10, 240, 240).is_ok());
        let error = require(
            "a run with fork",
            "memory",
            200_000_000,
            9600 << 20,
            2400 << 20,
        )
        .expect_err("refused")
        .to_string();
        assert_eq!(
            error,
            "a run with fork needs 9600 MB of memory, 2400 MB are free; --records 50_000_000 \
             would fit"
        );
    }
}
