//! The sum as a query, and the engines that answer it.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use ballista::prelude::{SessionConfigExt, SessionContextExt};
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{Float64Type, Int64Type};
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};

use crate::error::{Error, Result};

// ANCHOR: queries
/// The sum as one first writes it.
pub const NAIVE: &str = "SELECT sum(val) FROM records";

/// The sum of the values that are numbers, with how many are none.
pub const SUM: &str = "\
    SELECT count(*), \
           count(*) FILTER (WHERE isnan(val)), \
           sum(val) FILTER (WHERE NOT isnan(val)) \
    FROM records";
// ANCHOR_END: queries

/// What [`SUM`] answers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Answer {
    /// Records.
    pub records: i64,
    /// Records whose value is NaN.
    pub gaps: i64,
    /// The sum of the others.
    pub sum: f64,
}

// ANCHOR: engines
/// DataFusion alone, in this process, with so many parts of a query under way at a time.
pub fn in_process(parts: usize) -> SessionContext {
    let config = SessionConfig::new().with_target_partitions(parts);
    SessionContext::new_with_config(config)
}

/// A cluster in this process: a scheduler and an executor of `cores` threads, which speak to
/// each other over loopback all the same.
///
/// # Errors
///
/// Where they cannot be started.
pub async fn embedded(cores: usize, partitions: usize) -> Result<SessionContext> {
    let config = distributed(partitions).with_ballista_standalone_parallelism(cores);
    let state = state(config);
    Ok(SessionContext::standalone_with_state(state).await?)
}

/// A cluster that is there, by its scheduler's address.
///
/// # Errors
///
/// Where the address is none.
pub async fn remote(scheduler: &str, partitions: usize) -> Result<SessionContext> {
    let state = state(distributed(partitions));
    let url = format!("df://{scheduler}");
    Ok(SessionContext::remote_with_state(&url, state).await?)
}

/// A partition of the query for each file, and a plan that does not change under way.
fn distributed(partitions: usize) -> SessionConfig {
    let mut config = SessionConfig::new_with_ballista()
        .with_target_partitions(partitions)
        .with_ballista_adaptive_query_planner(false);
    config.options_mut().optimizer.repartition_file_scans = false;
    config
}
// ANCHOR_END: engines

fn state(config: SessionConfig) -> SessionState {
    SessionStateBuilder::new()
        .with_config(config)
        .with_default_features()
        .build()
}

/// Names the table's files `records` in a session.
///
/// # Errors
///
/// Where they cannot be read here: the client reads their columns, and the scheduler lists them
/// again.
pub async fn register(session: &SessionContext, table: &Path) -> Result<()> {
    let table = format!("{}/", table.display());
    Ok(session
        .register_parquet("records", &table, ParquetReadOptions::default())
        .await?)
}

/// The answer to [`NAIVE`].
///
/// # Errors
///
/// See [`Error::of_query`].
pub async fn naive(session: &SessionContext, scheduler: &str) -> Result<f64> {
    let row = row(session, NAIVE, scheduler).await?;
    Ok(row.column(0).as_primitive::<Float64Type>().value(0))
}

/// The answer to [`SUM`].
///
/// # Errors
///
/// See [`Error::of_query`].
pub async fn sum(session: &SessionContext, scheduler: &str) -> Result<Answer> {
    let row = row(session, SUM, scheduler).await?;
    let count = |nth: usize| row.column(nth).as_primitive::<Int64Type>().value(0);
    let sum = row.column(2).as_primitive::<Float64Type>();
    Ok(Answer {
        records: count(0),
        gaps: count(1),
        // Of no number at all SQL's sum is NULL, where NumPy's is 0.
        sum: if sum.is_null(0) { 0.0 } else { sum.value(0) },
    })
}

/// The first row of the answer to a query of one.
async fn row(session: &SessionContext, query: &str, scheduler: &str) -> Result<RecordBatch> {
    let failed = |error| Error::of_query(error, scheduler);
    let answer = session.sql(query).await.map_err(failed)?;
    let batches = answer.collect().await.map_err(failed)?;
    let row = batches.into_iter().find(|batch| batch.num_rows() > 0);
    row.ok_or(Error::NoRow)
}

// ANCHOR: ask
/// Asks whether a scheduler is there, and has an executor: a query would wait for one.
///
/// # Errors
///
/// [`Error::NoScheduler`], [`Error::NoExecutor`].
pub fn require_cluster(scheduler: &str, patience: Duration) -> Result<()> {
    let begun = std::time::Instant::now();
    loop {
        let answer = health(scheduler).map_err(|_| Error::NoScheduler(scheduler.to_owned()))?;
        if answer.starts_with("HTTP/1.1 200") {
            return Ok(());
        }
        if !answer.starts_with("HTTP/1.1 503") {
            return Err(Error::NoScheduler(scheduler.to_owned()));
        }
        if begun.elapsed() > patience {
            return Err(Error::NoExecutor {
                scheduler: scheduler.to_owned(),
                seconds: patience.as_secs(),
            });
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}
// ANCHOR_END: ask

/// What the scheduler answers to the question whether it is ready. One that is being killed may
/// still be connected to, and does not answer.
pub(crate) fn health(scheduler: &str) -> std::io::Result<String> {
    let mut connection = TcpStream::connect(scheduler)?;
    connection.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(
        connection,
        "GET /readyz HTTP/1.1\r\nHost: {scheduler}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    if answer.is_empty() {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(answer)
}
