//! The sum, asked of a cluster: one in this process, one of several processes, or one that is
//! there already.

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, Parser, Subcommand};
use command_line::{count, grouped};
use datafusion::prelude::SessionContext;
use mem_trace::{check_output, trace};
use past_one_machine::cluster::{Cluster, ClusterOptions, Place, serve_if_node};
use past_one_machine::node::{ExecutorArguments, SchedulerArguments};
use past_one_machine::query;
use past_one_machine::table::TableArguments;
use process_pool::Tasks;
use records::write_part;

/// Sums one field of many records on a cluster: by default in this process
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    on: Option<On>,

    #[command(flatten)]
    table: TableArguments,
}

#[derive(Subcommand)]
enum On {
    /// On a scheduler and executors that are started for it, a process each
    Cluster(ClusterArguments),
    /// On a cluster that is there
    Submit {
        /// Its scheduler
        #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:50050")]
        scheduler: String,
    },
    /// Be the scheduler of a cluster
    Scheduler(SchedulerArguments),
    /// Be an executor of a cluster
    Executor(ExecutorArguments),
}

#[derive(Args)]
struct ClusterArguments {
    /// Executors, a process each
    #[arg(long, value_name = "N", default_value = "2", value_parser = count::<64>)]
    executors: usize,

    /// Where the scheduler listens; port 0 is any free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:0")]
    listen: SocketAddr,

    /// Have the executors ask for tasks, in place of being sent them
    #[arg(long)]
    pull: bool,
}

fn main() -> ExitCode {
    Tasks::new().add(write_part).serve_if_worker();
    serve_if_node().unwrap_or_else(|| command_line::run(answer))
}

// ANCHOR: answer
fn answer(Arguments { on, table }: Arguments) -> Result<(), Box<dyn Error>> {
    let path = table.open()?;
    let runtime = tokio::runtime::Runtime::new()?;
    match on {
        None => {
            let session = runtime.block_on(query::embedded(2, table.files))?;
            trace!("A cluster in this process: a scheduler, and an executor of two threads.");
            runtime.block_on(query::register(&session, &path))?;
            trace!("{}", query::NAIVE);
            trace!(
                "Answer: {}",
                runtime.block_on(query::naive(&session, "this process"))?
            );
            runtime.block_on(ask(&session, "this process"))?;
        }
        Some(On::Cluster(arguments)) => {
            let cluster = Cluster::start(&ClusterOptions {
                executors: vec![Place::default(); arguments.executors],
                listen: arguments.listen,
                pull: arguments.pull,
                ..ClusterOptions::default()
            })?;
            let session = runtime.block_on(query::remote(&cluster.address, table.files))?;
            runtime.block_on(query::register(&session, &path))?;
            runtime.block_on(ask(&session, &cluster.address))?;
        }
        Some(On::Submit { scheduler }) => {
            query::require_cluster(&scheduler, Duration::from_secs(10))?;
            let session = runtime.block_on(query::remote(&scheduler, table.files))?;
            runtime.block_on(query::register(&session, &path))?;
            runtime.block_on(ask(&session, &scheduler))?;
        }
        // As the first argument `serve_if_node` has seen them.
        Some(On::Scheduler(_) | On::Executor(_)) => {
            return Err("expected scheduler or executor as the first argument".into());
        }
    }
    Ok(check_output()?)
}

/// The sum of the values that are numbers.
async fn ask(session: &SessionContext, scheduler: &str) -> past_one_machine::Result<()> {
    trace!("{}", query::SUM);
    let begun = Instant::now();
    let answer = query::sum(session, scheduler).await?;
    let took = begun.elapsed().as_secs_f64();
    let [records, gaps, sum] =
        [answer.records, answer.gaps, answer.sum as i64].map(|n| grouped(n as usize));
    trace!("Answer: {records} records, {gaps} of them NaN, sum {sum}. query_time_s={took:.3}");
    Ok(())
}
// ANCHOR_END: answer
