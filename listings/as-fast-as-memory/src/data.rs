//! The records, as every way finds them.

use std::os::fd::OwnedFd;

use process_pool::Slice;
use records::{DataArguments, Record, Result, nansum};

/// The records in this process's memory and in their file.
pub struct Data {
    /// In private memory, in huge pages where the system has them.
    pub records: Slice<Record>,
    /// The file that they came from, which nobody may write to.
    pub file: OwnedFd,
    /// Where the first of them begins in it, in bytes.
    pub offset: u64,
    pub workers: usize,
    /// What every way has to find.
    pub sum: f64,
}

impl Data {
    /// Reads the file, and generates it first where there is none.
    pub fn load(arguments: &DataArguments) -> Result<Self> {
        // The records, a second copy of them, and what the workers receive.
        let file = arguments.open(3.05)?;
        file.require_read_only()?;
        let offset = file.offset();
        let records = file.load()?;
        let file = arguments.open(0.0)?.into_file();
        Ok(Self {
            sum: nansum(&records),
            records,
            file: file.into(),
            offset,
            workers: arguments.workers,
        })
    }
}
