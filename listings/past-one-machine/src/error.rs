//! What keeps a query from its answer, each in one line that says what to do.

use std::io;
use std::path::{Path, PathBuf};

use ballista_core::error::BallistaError;
use datafusion::error::DataFusionError;
use datafusion::parquet::errors::ParquetError;

use crate::query::health;

/// What this crate's operations return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system refused.
    #[error("cannot {tried} {what}: {source}")]
    Io {
        /// The operation.
        tried: &'static str,
        /// On what.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// There is no folder of files in Parquet.
    #[error(
        "no table in {0}: expected a folder of files in Parquet; \
         cargo run --bin convert -- --table {0} makes one"
    )]
    NoTable(PathBuf),
    /// The table is not what the records are.
    #[error("{path}: {why}; expected a table that `cargo run --bin convert` has made; remove it")]
    NotTheRecords {
        /// The table's folder.
        path: PathBuf,
        /// What differs.
        why: String,
    },
    /// Another process listens there.
    #[error(
        "{0} is in use: expected a free port; port 0 lets the system choose one, \
         and `ss -tlnp` names the process that has this one"
    )]
    PortInUse(String),
    /// Nobody listens there.
    #[error(
        "no scheduler answers at {0}: start one there with `cargo run -- scheduler --listen {0}`, \
         or name another with --scheduler HOST:PORT"
    )]
    NoScheduler(String),
    /// It was there when the query began.
    #[error(
        "the scheduler at {0} is gone, and with it what it knew of the query: \
         start it again and submit the query anew"
    )]
    SchedulerGone(String),
    /// An aggregate over all records has one row.
    #[error("the answer has no row; expected one")]
    NoRow,
    /// Its part of the answer went with it.
    #[error(
        "an executor is gone, and with it a part of the answer: submit the query anew; \
         the scheduler has counted on that part"
    )]
    ExecutorGone,
    /// A scheduler without anybody who computes.
    #[error(
        "no executor has taken the query up in {seconds} s: start one with \
         `cargo run -- executor --scheduler {scheduler}`"
    )]
    NoExecutor {
        /// The scheduler's address.
        scheduler: String,
        /// How long the client has waited.
        seconds: u64,
    },
    /// Code does not travel with a query.
    #[error(
        "the cluster has no function {0}: expected one that its own program registers; \
         or put what the function knows into the query"
    )]
    NoFunction(String),
    /// A path is a place on one machine.
    #[error(
        "an executor finds no {0}: expected the table under the same path on every machine, \
         by a copy or by a file system that all of them mount"
    )]
    Unseen(String),
    /// A process of the cluster ended before it was of use.
    #[error(
        "{name} ended before it was ready ({status}): expected it to stay; its last words are above"
    )]
    Ended {
        /// Which.
        name: String,
        /// How it ended.
        status: String,
    },
    /// A process of the cluster has not said that it is ready.
    #[error("{name} has not said within {seconds} s that it is ready; expected less than a second")]
    Silent {
        /// Which.
        name: String,
        /// How long it was listened to.
        seconds: u64,
    },
    /// A cluster has no process of that name.
    #[error("no process {0}; expected scheduler, or executor-1 and so on")]
    NoNode(String),
    /// A file cannot be read or written as Parquet.
    #[error("{path}: {source}")]
    Parquet {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        source: ParquetError,
    },
    /// The data in its first form is not there.
    #[error(transparent)]
    Records(#[from] records::Error),
    /// A process of the cluster cannot do its work.
    #[error("{0}")]
    Node(#[from] BallistaError),
    /// The engine cannot answer the query.
    #[error("{0}")]
    Query(#[from] DataFusionError),
}

impl Error {
    /// An error of the system, with what was tried on what.
    pub fn io(tried: &'static str, what: impl ToString) -> impl FnOnce(io::Error) -> Error {
        let what = what.to_string();
        move |source| Error::Io {
            tried,
            what,
            source,
        }
    }

    /// An error of a file in Parquet.
    pub fn parquet(path: &Path) -> impl FnOnce(ParquetError) -> Error {
        let path = path.to_owned();
        move |source| Error::Parquet { path, source }
    }

    // ANCHOR: in-words
    /// What a failed query means to its sender. The engine's words have come over the network:
    /// they are text, and its causes are known by what the text says.
    pub fn of_query(error: DataFusionError, scheduler: &str) -> Error {
        let said = error.to_string();
        let lost = [
            "Connection refused",
            "dns error",
            "Stream closed",
            "transport error",
            "connection closed",
            "h2 protocol error",
        ];
        if let Some(word) = lost.iter().find(|word| said.contains(**word)) {
            // Whose connection it was, the words do not always say. The scheduler can be asked.
            return match health(scheduler) {
                Ok(_) => Error::ExecutorGone,
                Err(_) if ["Connection refused", "dns error"].contains(word) => {
                    Error::NoScheduler(scheduler.to_owned())
                }
                Err(_) => Error::SchedulerGone(scheduler.to_owned()),
            };
        }
        if let Some((_, function)) = said.split_once("not provided for scalar function ") {
            let end = function.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            return Error::NoFunction(function[..end.unwrap_or(function.len())].to_owned());
        }
        if said.contains("No such file or directory") || said.contains("NotFound") {
            let path = said
                .split(['"', '\'', ' '])
                .find(|word| word.ends_with(".parquet"));
            return Error::Unseen(path.unwrap_or("file of the table").to_owned());
        }
        Error::Query(error)
    }
    // ANCHOR_END: in-words
}
