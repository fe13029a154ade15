//! A query under way, and one of its processes killed.

use std::collections::BTreeMap;
use std::error::Error;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use command_line::{count, grouped};
use mem_trace::{check_output, trace};
use past_one_machine::cluster::{Cluster, ClusterOptions, Said, serve_if_node};
use past_one_machine::query::{self, Answer};
use past_one_machine::table::{TableArguments, totals};
use process_pool::Tasks;
use records::write_part;
use tokio::runtime::Runtime;

/// Kills a process of a cluster in the middle of a query, and tells what becomes of the query
#[derive(Parser)]
struct Arguments {
    /// Which: the executor that is the first to begin a third file, or the scheduler then
    #[arg(long, value_name = "NAME", default_value = "executor", value_parser = ["executor", "scheduler"])]
    process: String,

    /// How often, each time with a new cluster
    #[arg(long, value_name = "N", default_value = "1", value_parser = count::<1000>)]
    rounds: usize,

    #[command(flatten)]
    table: TableArguments,
}

fn main() -> ExitCode {
    Tasks::new().add(write_part).serve_if_worker();
    serve_if_node().unwrap_or_else(|| command_line::run(run))
}

fn run(
    Arguments {
        process,
        rounds,
        table,
    }: Arguments,
) -> Result<(), Box<dyn Error>> {
    let path = table.open()?;
    let expected = totals(&path)?;
    let expected = Answer {
        records: expected.records as i64,
        gaps: expected.gaps as i64,
        sum: expected.sum,
    };
    let runtime = Runtime::new()?;
    let (mut exact, mut silent) = (0, 0);
    for round in 1..=rounds {
        let shown = rounds == 1;
        // ANCHOR: kill
        let mut cluster = Cluster::start(&ClusterOptions {
            shown,
            ..ClusterOptions::default()
        })?;
        let (scheduler, files, path) = (cluster.address.clone(), table.files, path.clone());
        let asked = runtime.spawn(async move {
            let session = query::remote(&scheduler, files).await?;
            query::register(&session, &path).await?;
            query::sum(&session, &scheduler).await
        });
        // One of the two has begun a third file: two are answered, and one is under way.
        let mut begun: BTreeMap<String, usize> = BTreeMap::new();
        let third = cluster.wait_for_line(Duration::from_secs(60), |said| {
            let files = begun.entry(said.node.clone()).or_default();
            *files += usize::from(of_the_scan(said));
            *files == 3
        });
        let third = third.ok_or("no executor has begun three files within a minute")?;
        let name = match process.as_str() {
            "scheduler" => "scheduler",
            _ => &third.node,
        };
        cluster.kill(name)?;
        let killed = Instant::now();
        let answer = runtime.block_on(asked)?;
        // ANCHOR_END: kill
        let took = killed.elapsed().as_secs_f64();
        match answer {
            Ok(answer) if answer == expected => {
                exact += 1;
                let silence = told(round, &cluster.heard(), took, table.files, &answer);
                silent += usize::from(silence > Duration::from_secs(1));
            }
            Ok(answer) => return Err(format!("expected {expected:?}, found {answer:?}").into()),
            Err(error) if rounds == 1 => return Err(error.into()),
            Err(error) => trace!("Round {round}: {error}"),
        }
    }
    if rounds > 1 {
        trace!("{exact} of {rounds} rounds ended with the exact sum.");
        trace!("{silent} of them after more than a second of silence.");
    }
    Ok(check_output()?)
}

/// Whether a task of the first stage, the one that reads the table, begins.
fn of_the_scan(said: &Said) -> bool {
    said.line.contains("Stage 1, ") && said.line.ends_with("begins.")
}

/// What the lines say of a round.
fn told(round: usize, since: &[Said], took: f64, files: usize, answer: &Answer) -> Duration {
    let begun = since.iter().filter(|said| of_the_scan(said));
    let mut nodes: BTreeMap<&str, usize> = BTreeMap::new();
    for said in begun {
        *nodes.entry(&said.node).or_default() += 1;
    }
    let after: Vec<String> = nodes
        .iter()
        .map(|(node, begun)| format!("{node} began {begun}"))
        .collect();
    // The longest time in which no task began or ended.
    let tasks: Vec<&Said> = since
        .iter()
        .filter(|said| said.line.contains("Stage "))
        .collect();
    let silence = tasks
        .windows(2)
        .map(|pair| pair[1].at - pair[0].at)
        .max()
        .unwrap_or_default();
    trace!(
        "Round {round}: after the kill {} of {files} partitions; silence {:.1} s, answer after {took:.1} s: {} records, sum {}.",
        after.join(", "),
        silence.as_secs_f64(),
        grouped(answer.records as usize),
        grouped(answer.sum as usize)
    );
    silence
}
