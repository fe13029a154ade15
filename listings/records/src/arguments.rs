//! The arguments that the data chapters have in common.

use std::path::PathBuf;

use clap::Args;
use command_line::{count, grouped};
use mem_trace::trace;

use crate::error::Result;
use crate::file::DataFile;
use crate::generate::generate;
use crate::room::require_memory;

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
    /// [`Error::DoesNotFit`](crate::Error::DoesNotFit), before anything is generated or read; else see
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
