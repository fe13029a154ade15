//! The arguments that the data chapters have in common.

use std::path::PathBuf;

use clap::Args;
use command_line::{count, grouped};
use mem_trace::{available_memory, mebibytes, trace};

use crate::{DataFile, Error, Record, Result, generate};

/// The seed of the data that nobody named a seed for.
const SEED: u64 = 42;

/// More than any machine that this runs on can hold; their bytes still fit a `u64`.
pub const MOST_RECORDS: usize = 1 << 40;

/// Far above the cores of any machine: what is beyond it is a slip of the finger.
pub const MOST_WORKERS: usize = 4096;

/// Which data, and how many workers.
#[derive(Debug, Clone, Args)]
pub struct DataArguments {
    /// Records to work on; without it, 2_000_000 or as many as the --data file holds
    #[arg(long, value_name = "N", value_parser = count::<MOST_RECORDS>)]
    pub records: Option<usize>,

    /// Worker processes
    #[arg(long, value_name = "N", value_parser = count::<MOST_WORKERS>, default_value = "4")]
    pub workers: usize,

    /// The data file, made where there is none [default: target/data/N.npy in the workspace]
    #[arg(long, value_name = "PATH")]
    pub data: Option<PathBuf>,
}

impl DataArguments {
    /// How many records to generate, or to expect in the default file.
    fn records_to_make(&self) -> usize {
        self.records.unwrap_or(2_000_000)
    }

    /// Where the data is, or will be.
    pub fn path(&self) -> PathBuf {
        self.data.clone().unwrap_or_else(|| {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/data");
            PathBuf::from(folder).join(format!("{}.npy", self.records_to_make()))
        })
    }

    /// Opens the data file for a run that will hold its records `copies` times in
    /// memory; generates it first where there is none.
    ///
    /// # Errors
    ///
    /// [`Error::DoesNotFit`], before anything is generated or read; else see
    /// [`DataFile::open`] and [`generate()`].
    pub fn open(&self, copies: f64) -> Result<DataFile> {
        let path = self.path();
        if !path.exists() {
            require_memory(self.records_to_make(), copies)?;
            trace!(
                "No data file yet: generating {} records.",
                grouped(self.records_to_make())
            );
            self.generate()?;
        }
        let file = DataFile::open(&path, self.records)?;
        require_memory(file.records(), copies)?;
        Ok(file)
    }

    /// Generates the data file, in the place of one that is there.
    ///
    /// # Errors
    ///
    /// See [`generate()`].
    pub fn generate(&self) -> Result<()> {
        generate(&self.path(), self.records_to_make(), SEED, self.workers)
    }
}

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
