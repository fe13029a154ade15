//! A table that two executors can share.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use command_line::grouped;
use past_one_machine::cluster::{Cluster, ClusterOptions, serve_if_node};
use past_one_machine::query;
use past_one_machine::table::TableArguments;
use process_pool::Tasks;
use records::write_part;
use tokio::runtime::Runtime;

/// Asks two executors for a sum
#[derive(Parser)]
struct Arguments {}

// ANCHOR: solution
/// Several files to each executor: the one that is done first takes another.
const FILES: usize = 16;
// ANCHOR_END: solution

fn ask() -> Result<(), Box<dyn Error>> {
    let table = TableArguments {
        records: 2_000_000,
        files: FILES,
        table: None,
    };
    let path = table.open()?;
    let cluster = Cluster::start(&ClusterOptions::default())?;
    let runtime = Runtime::new()?;
    let session = runtime.block_on(query::remote(&cluster.address, FILES))?;
    runtime.block_on(query::register(&session, &path))?;
    let answer = runtime.block_on(query::sum(&session, &cluster.address))?;
    println!("the sum: {}", grouped(answer.sum as usize));
    Ok(())
}

fn main() -> ExitCode {
    Tasks::new().add(write_part).serve_if_worker();
    serve_if_node().unwrap_or_else(|| command_line::run(|_: Arguments| ask()))
}
