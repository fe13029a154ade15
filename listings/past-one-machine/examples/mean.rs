//! The mean of the values that are numbers.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::Float64Type;
use past_one_machine::query;
use past_one_machine::table::TableArguments;
use process_pool::Tasks;
use records::write_part;

/// Asks a cluster for a mean
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    table: TableArguments,
}

// ANCHOR: solution
const MEAN: &str = "SELECT avg(val) FILTER (WHERE NOT isnan(val)) FROM records";
// ANCHOR_END: solution

#[tokio::main]
async fn ask(table: &TableArguments) -> Result<f64, Box<dyn Error>> {
    let path = table.open()?;
    let session = query::embedded(2, table.files).await?;
    query::register(&session, &path).await?;
    let answer = session.sql(MEAN).await?.collect().await?;
    Ok(answer[0].column(0).as_primitive::<Float64Type>().value(0))
}

fn main() -> ExitCode {
    Tasks::new().add(write_part).serve_if_worker();
    command_line::run(|Arguments { table }| {
        let mean = ask(&table)?;
        println!("the mean of the numbers: {mean:.6}");
        Ok::<_, Box<dyn Error>>(())
    })
}
