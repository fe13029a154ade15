//! A query whose answer has many rows, and one of its executors killed while they are made.

use std::error::Error;
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
    /// How often, each time with a new cluster
    #[arg(long, value_name = "N", default_value = "1", value_parser = count::<1000>)]
    rounds: usize,

    /// Seconds to wait for the answer
    #[arg(long, value_name = "SECONDS", default_value = "15", value_parser = count::<3600>)]
    wait: usize,

    /// Have executors ask for tasks
    #[arg(long)]
    pull: bool,

    /// Kill nobody
    #[arg(long)]
    spared: bool,

    #[command(flatten)]
    table: TableArguments,
}

fn main() -> ExitCode {
    Tasks::new().add(write_part).serve_if_worker();
    serve_if_node().unwrap_or_else(|| command_line::run(run))
}

fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let Arguments {
        rounds,
        wait,
        pull,
        spared,
        table,
    } = arguments;
    let path = table.open()?;
    let runtime = Runtime::new()?;
    for round in 1..=rounds {
        let mut cluster = Cluster::start(&ClusterOptions {
            shown: rounds == 1,
            pull,
            ..ClusterOptions::default()
        })?;
        let (scheduler, files, path) = (cluster.address.clone(), table.files, path.clone());
        // ANCHOR: later
        let asked = runtime.spawn(async move {
            let session = query::remote(&scheduler, files).await?;
            query::register(&session, &path).await?;
            let query =
                format!("SELECT index % {GROUPS} AS key, count(*) FROM records GROUP BY key");
            let failed = |error| ClusterError::of_query(error, &scheduler);
            session
                .sql(&query)
                .await
                .map_err(failed)?
                .collect()
                .await
                .map_err(failed)
        });
        if !spared {
            let mut begun = 0;
            let heard = cluster.listen(Duration::from_secs(60), |said| {
                let of_the_second =
                    said.line.contains("Stage 2, ") && said.line.ends_with("begins.");
                begun += usize::from(said.node == "executor-1" && of_the_second);
                begun == 3
            });
            heard.ok_or("executor-1 has begun no three partitions of the second stage")?;
            cluster.kill("executor-1")?;
        }
        let patience = Duration::from_secs(wait as u64);
        match runtime.block_on(async { tokio::time::timeout(patience, asked).await }) {
            Err(_) => trace!("Round {round}: no answer within {wait} s."),
            Ok(Err(panicked)) => return Err(panicked.into()),
            Ok(Ok(Ok(batches))) => {
                let rows: usize = batches.iter().map(|batch| batch.num_rows()).sum();
                let counts = batches
                    .iter()
                    .flat_map(|batch| batch.column(1).as_primitive::<Int64Type>().values());
                let counted: i64 = counts.sum();
                trace!(
                    "Round {round}: {} rows for {} groups, which count {} of {} records.",
                    grouped(rows),
                    grouped(GROUPS),
                    grouped(counted as usize),
                    grouped(table.records)
                );
            }
            Ok(Ok(Err(error))) => trace!("Round {round}: {error}"),
        }
        // ANCHOR_END: later
    }
    Ok(check_output()?)
}
