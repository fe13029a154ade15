//! A query whose answer has many rows, and one of its executors killed while they are made.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use command_line::{count, grouped};
use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::Int64Type;
use mem_trace::{check_output, trace};
use past_one_machine::cluster::{Cluster, ClusterOptions, serve_if_node};
use past_one_machine::error::Error as ClusterError;
use past_one_machine::query;
use past_one_machine::table::TableArguments;
use process_pool::Tasks;
use records::write_part;
use tokio::runtime::Runtime;

/// How many groups the query has, and so how many rows its answer.
const GROUPS: usize = 1_003;

/// Kills an executor while the second stage of a query is under way, and counts the answer
#[derive(Parser)]
struct Arguments {
    /// Kill an executor in its first part of the second stage, when the other has done one; else
    /// executor-1 in its third
    #[arg(long)]
    first: bool,

    /// Kill nobody
    #[arg(long)]
    spared: bool,

    /// Have executors ask for tasks
    #[arg(long)]
    pull: bool,

    /// Seconds without a sign of life after which an executor counts as dead
    #[arg(long, value_name = "SECONDS", default_value = "12", value_parser = count::<3600>)]
    patience: usize,

    /// Seconds to wait for the answer
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = count::<3600>)]
    wait: usize,

    #[command(flatten)]
    table: TableArguments,
}

fn main() -> ExitCode {
    Tasks::new().add(write_part).serve_if_worker();
    serve_if_node().unwrap_or_else(|| command_line::run(run))
}

// ANCHOR: moment
/// Whom to kill, once the moment has come.
///
/// `lines` are those of the second stage so far: an executor and whether it begins or is done.
fn victim(lines: &[(String, bool)], first: bool) -> Option<String> {
    let count = |node: &str, begins: bool| {
        let own = lines
            .iter()
            .filter(|line| line.0 == node && line.1 == begins);
        own.count()
    };
    if !first {
        return (count("executor-1", true) == 3).then(|| "executor-1".to_owned());
    }
    let pairs = [("executor-1", "executor-2"), ("executor-2", "executor-1")];
    let found = pairs.into_iter().find(|(victim, other)| {
        count(victim, true) == 1 && count(victim, false) == 0 && count(other, false) > 0
    });
    found.map(|(victim, _)| victim.to_owned())
}
// ANCHOR_END: moment

fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let path = arguments.table.open()?;
    let runtime = Runtime::new()?;
    // The moment may pass before it is seen: then a new cluster is asked.
    for _ in 0..20 {
        if asked_once(&arguments, &runtime, &path)? {
            return Ok(check_output()?);
        }
    }
    Err("the moment to kill an executor has passed in twenty of twenty queries".into())
}

/// Asks a new cluster, and kills one of its executors; returns whether there was a moment for it.
fn asked_once(
    arguments: &Arguments,
    runtime: &Runtime,
    path: &Path,
) -> Result<bool, Box<dyn Error>> {
    let mut cluster = Cluster::start(&ClusterOptions {
        shown: false,
        pull: arguments.pull,
        patience: arguments.patience as u64,
        ..ClusterOptions::default()
    })?;
    let (scheduler, files, path) = (
        cluster.address.clone(),
        arguments.table.files,
        path.to_owned(),
    );
    // ANCHOR: later
    let asked = runtime.spawn(async move {
        let session = query::remote(&scheduler, files).await?;
        query::register(&session, &path).await?;
        let query = format!("SELECT index % {GROUPS} AS key, count(*) FROM records GROUP BY key");
        let failed = |error| ClusterError::of_query(error, &scheduler);
        session
            .sql(&query)
            .await
            .map_err(failed)?
            .collect()
            .await
            .map_err(failed)
    });
    // ANCHOR_END: later
    if !arguments.spared {
        let mut lines = Vec::new();
        let mut found = None;
        cluster.wait_for_line(Duration::from_secs(60), |said| {
            if said.line.contains("Stage 2, ") {
                lines.push((said.node.clone(), said.line.ends_with("begins.")));
                found = victim(&lines, arguments.first);
            }
            // All parts are done: it is over.
            found.is_some() || lines.iter().filter(|line| !line.1).count() == files
        });
        let Some(name) = found else {
            return Ok(false);
        };
        cluster.kill(&name)?;
    }
    let wait = Duration::from_secs(arguments.wait as u64);
    let answer = runtime.block_on(async { tokio::time::timeout(wait, asked).await });
    for said in cluster.heard() {
        if said.node == "scheduler" {
            println!("{}", said.line);
        }
    }
    match answer {
        Err(_) => trace!("No answer within {} s.", arguments.wait),
        Ok(Err(panicked)) => return Err(panicked.into()),
        Ok(Ok(Err(error))) => trace!("{error}"),
        Ok(Ok(Ok(batches))) => {
            let rows: usize = batches.iter().map(|batch| batch.num_rows()).sum();
            let counts = batches
                .iter()
                .flat_map(|batch| batch.column(1).as_primitive::<Int64Type>().values());
            let counted: i64 = counts.sum();
            trace!(
                "{} rows for {} groups, which count {} of {} records.",
                grouped(rows),
                grouped(GROUPS),
                grouped(counted as usize),
                grouped(arguments.table.records)
            );
        }
    }
    Ok(true)
}
