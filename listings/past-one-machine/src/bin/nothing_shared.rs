//! A number that the program knows, wanted on other machines.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use clap::Parser;
use datafusion::arrow::array::{ArrayRef, BooleanArray, Int64Array};
use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::{ColumnarValue, Volatility, create_udf};
use datafusion::prelude::SessionContext;
use mem_trace::{check_output, trace};
use past_one_machine::cluster::{Cluster, ClusterOptions, serve_if_node};
use past_one_machine::error::Error as ClusterError;
use past_one_machine::query;
use past_one_machine::table::TableArguments;
use process_pool::Tasks;
use records::write_part;
use tokio::runtime::Runtime;

/// Asks for the records below a number, which a function or the query itself carries
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    table: TableArguments,
}

fn main() -> ExitCode {
    Tasks::new().add(write_part).serve_if_worker();
    serve_if_node().unwrap_or_else(|| command_line::run(run))
}

// ANCHOR: state
/// A number of this process. It changes before the query is asked.
static LIMIT: AtomicI64 = AtomicI64::new(0);

/// A function of this process: whether a number is below the limit.
fn add_below_limit(session: &SessionContext) {
    let below = |arguments: &[ColumnarValue]| {
        let arrays = ColumnarValue::values_to_arrays(arguments)?;
        let limit = LIMIT.load(Ordering::Relaxed);
        let numbers = arrays[0].as_any().downcast_ref::<Int64Array>();
        let below: BooleanArray = numbers
            .into_iter()
            .flatten()
            .map(|number| number.map(|number| number < limit))
            .collect();
        Ok(ColumnarValue::Array(Arc::new(below) as ArrayRef))
    };
    let arguments = vec![DataType::Int64];
    let function = create_udf(
        "below_limit",
        arguments,
        DataType::Boolean,
        Volatility::Volatile,
        Arc::new(below),
    );
    session.register_udf(function);
}
// ANCHOR_END: state

fn run(Arguments { table }: Arguments) -> Result<(), Box<dyn Error>> {
    let path = table.open()?;
    let runtime = Runtime::new()?;
    LIMIT.store(1_000, Ordering::Relaxed);

    // ANCHOR: asked
    let ask = |session: &SessionContext, query: &str| {
        runtime.block_on(async {
            let batches = session.sql(query).await?.collect().await?;
            let counts = batches[0].column(0).as_any().downcast_ref::<Int64Array>();
            Ok::<_, datafusion::error::DataFusionError>(counts.map_or(0, |counts| counts.value(0)))
        })
    };
    let by_function = "SELECT count(index) FROM records WHERE below_limit(index)";
    let by_value = format!(
        "SELECT count(index) FROM records WHERE index < {}",
        LIMIT.load(Ordering::Relaxed)
    );

    let alone = query::in_process(2);
    add_below_limit(&alone);
    runtime.block_on(query::register(&alone, &path))?;
    trace!(
        "One process, by a function that reads its static: {}",
        ask(&alone, by_function)?
    );

    let cluster = Cluster::start(&ClusterOptions {
        shown: false,
        ..ClusterOptions::default()
    })?;
    let session = runtime.block_on(query::remote(&cluster.address, table.files))?;
    add_below_limit(&session);
    runtime.block_on(query::register(&session, &path))?;
    match ask(&session, by_function) {
        Ok(count) => trace!("A cluster, by the same function: {count}"),
        Err(error) => {
            let error = ClusterError::of_query(error, &cluster.address);
            trace!("A cluster, by the same function: {error}");
        }
    }
    trace!(
        "A cluster, by the number in the query: {}",
        ask(&session, &by_value)?
    );
    // ANCHOR_END: asked
    Ok(check_output()?)
}
