//! What can be wrong with the data.

use std::io;
use std::path::PathBuf;

/// What this crate's operations return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why there is no data to work on. Each is found before any worker starts.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system refused.
    #[error("cannot {tried} {path}: {source}")]
    Io {
        /// The operation.
        tried: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("{path} is not a data file: {why}; `data-sink generate --data FILE` makes one")]
    NotData {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Something else is in the place of the file that is to be made.
    #[error("{path} is there and is no data file: it is not replaced; --data names another")]
    InTheWay {
        /// Where the file was to be.
        path: PathBuf,
    },
    /// The file could change under those that map it.
    #[error("{path} can be written to, and must not change while it is mapped: chmod a-w first")]
    Writable {
        /// Which file.
        path: PathBuf,
    },
    /// The file is right but too short for what was asked.
    #[error("{path} holds {holds} records, {asked} were asked for")]
    TooFew {
        /// Which file.
        path: PathBuf,
        /// How many it holds.
        holds: String,
        /// How many were asked for.
        asked: String,
    },
    /// The run would not fit into this machine's memory, or the file on its disk.
    #[error("{what} needs {needs} of {of}, {free} are free; {advice}")]
    DoesNotFit {
        /// What would not fit.
        what: String,
        /// Memory or disk.
        of: &'static str,
        /// How much is needed.
        needs: String,
        /// How much is free.
        free: String,
        /// How many records would fit.
        advice: String,
    },
    /// The workers that generate the data failed.
    #[error(transparent)]
    Pool(#[from] process_pool::Error),
}

impl Error {
    /// For `map_err`: the system refused to do `tried` on `path`.
    pub fn io(tried: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            tried,
            path,
            source,
        }
    }
}
