//! The data of the chapters *Data sink* and *Shared memory*: records in one file
//! that NumPy reads as well.

mod arguments;
mod error;
mod file;
mod generate;
mod npy;
mod room;
mod sum;

/// What the fuzzer calls (`fuzz/README.md`); compiled for it alone.
#[cfg(fuzzing)]
pub mod fuzzing {
    /// Reads `bytes` as the beginning of a file of records.
    pub fn read_header(mut bytes: &[u8]) {
        let _ = crate::npy::read(&mut bytes);
    }
}

pub use arguments::{DataArguments, LostWorkers, MOST_RECORDS, MOST_WORKERS};
pub use error::{Error, Result};
pub use file::DataFile;
pub use generate::{generate, write_part};
pub use room::{require_memory, touch_free_memory};
pub use sum::{batches, column, nansum, nansum_column, read_each_line};

use bytemuck::{Pod, Zeroable};

/// One record of the data, 24 bytes: what the notes' `DataFrame.to_records` made.
///
/// In memory and in the file alike, in this machine's byte order, without padding.
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct Record {
    /// Its number, from 0.
    pub index: i64,
    /// Nanoseconds since 1970-01-01 UTC.
    pub timestamp: i64,
    /// 0, 1 or NaN.
    pub val: f64,
}

/// The data is stored as it lies in memory, and the file says little-endian.
const _: () = assert!(
    cfg!(target_endian = "little"),
    "the file format is little-endian"
);
