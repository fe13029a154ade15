//! What a newcomer meets, each met for real.

use std::error::Error;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use mem_trace::{check_output, trace};
use past_one_machine::cluster::{Cluster, ClusterOptions, serve_if_node};
use past_one_machine::query;
use past_one_machine::table::TableArguments;
use process_pool::Tasks;
use records::write_part;
use tokio::runtime::Runtime;

/// Goes wrong in five ways, and prints what each says
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    table: TableArguments,
}

fn main() -> ExitCode {
    Tasks::new().add(write_part).serve_if_worker();
    serve_if_node().unwrap_or_else(|| command_line::run(run))
}

fn run(Arguments { table }: Arguments) -> Result<(), Box<dyn Error>> {
    let path = table.open()?;
    let runtime = Runtime::new()?;
    let alone = ClusterOptions {
        executors: Vec::new(),
        ..ClusterOptions::default()
    };

    let taken = TcpListener::bind("127.0.0.1:0")?;
    let listen = taken.local_addr()?;
    let there = ClusterOptions {
        listen,
        ..alone.clone()
    };
    trace!("A port in use: {}", failure(Cluster::start(&there))?);

    // Its port is free again, and nobody listens there.
    drop(taken);
    trace!(
        "No scheduler: {}",
        failure(query::require_cluster(&listen.to_string(), Duration::ZERO))?
    );

    let nowhere = TableArguments {
        table: Some(PathBuf::from("/nowhere/records")),
        ..table.clone()
    };
    trace!("No table: {}", failure(nowhere.open())?);

    let mut cluster = Cluster::start(&ClusterOptions {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        ..alone
    })?;
    let address = cluster.address.clone();
    trace!(
        "No executor: {}",
        failure(query::require_cluster(&address, Duration::from_secs(1)))?
    );

    let session = runtime.block_on(query::remote(&address, table.files))?;
    runtime.block_on(query::register(&session, &path))?;
    let asked = runtime.spawn(async move { query::sum(&session, &address).await });
    // The query waits for an executor, and its scheduler dies.
    std::thread::sleep(Duration::from_millis(500));
    cluster.kill("scheduler")?;
    trace!("A dead scheduler: {}", failure(runtime.block_on(asked)?)?);
    Ok(check_output()?)
}

/// The error of what is to go wrong.
fn failure<T, E: Error>(result: Result<T, E>) -> Result<E, String> {
    match result {
        Ok(_) => Err("it has gone well; expected an error".to_owned()),
        Err(error) => Ok(error),
    }
}
