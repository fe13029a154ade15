//! What the notes did not measure: the sum without any process.

use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use data_sink::{load, report};
use mem_trace::{check_output, mark, trace};
use process_pool::Tasks;
use records::{DataArguments, nansum, write_part};

fn main() -> ExitCode {
    // The workers that make the data file, where there is none.
    Tasks::new().add(write_part).serve_if_worker();
    command_line::run(sum)
}

// ANCHOR: sequential
fn sum(Arguments { data }: Arguments) -> Result<(), Box<dyn Error>> {
    let records = load(&data, 1.05)?;
    trace!("Will use no workers.");
    let start = Instant::now();
    mark("computing");
    let total_sum = nansum(&records);
    report(start, total_sum);
    Ok(check_output()?)
}
// ANCHOR_END: sequential

/// Sums one field of many records in one process
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    data: DataArguments,
}
