//! A query whose scheduler dies, and its answer all the same.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use command_line::grouped;
use mem_trace::trace;
use past_one_machine::cluster::{Cluster, ClusterOptions, serve_if_node};
use past_one_machine::error::Error as ClusterError;
use past_one_machine::query::{self, Answer};
use past_one_machine::table::TableArguments;
use process_pool::Tasks;
use records::write_part;
use tokio::runtime::Runtime;

/// Asks a cluster whose scheduler is killed the first time
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    table: TableArguments,
}

/// Asks a new cluster; the first time its scheduler is killed in the middle.
fn ask(
    nth: usize,
    runtime: &Runtime,
    files: usize,
    path: &Path,
) -> past_one_machine::Result<Answer> {
    let mut cluster = Cluster::start(&ClusterOptions::default())?;
    let (scheduler, table) = (cluster.address.clone(), path.to_owned());
    let asked = runtime.spawn(async move {
        let session = query::remote(&scheduler, files).await?;
        query::register(&session, &table).await?;
        query::sum(&session, &scheduler).await
    });
    if nth == 1 {
        cluster.wait_for_line(Duration::from_secs(60), |said| {
            said.line.contains("Stage 1, partition 2")
        });
        cluster.kill("scheduler")?;
    }
    runtime
        .block_on(asked)
        .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

// ANCHOR: solution
/// The answer of the first cluster that gives one. A sum reads and does not write, so that it can
/// be asked again; what would not be cured by that is told at once.
fn answer(runtime: &Runtime, files: usize, path: &Path) -> past_one_machine::Result<Answer> {
    let mut nth = 1;
    loop {
        match ask(nth, runtime, files, path) {
            Err(lost @ (ClusterError::SchedulerGone(_) | ClusterError::NoScheduler(_)))
                if nth < 3 =>
            {
                trace!("{lost}");
                nth += 1;
            }
            other => return other,
        }
    }
}
// ANCHOR_END: solution

fn main() -> ExitCode {
    Tasks::new().add(write_part).serve_if_worker();
    serve_if_node().unwrap_or_else(|| {
        command_line::run(|Arguments { table }| {
            let path = table.open()?;
            let answer = answer(&Runtime::new()?, table.files, &path)?;
            println!("the sum: {}", grouped(answer.sum as usize));
            Ok::<_, Box<dyn Error>>(())
        })
    })
}
