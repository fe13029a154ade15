//! What the notes did not measure: the sum without any process.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use data_sink::{WARM_PASSES, load, passes};
use mem_trace::{MemoryUsage, check_output, mark, trace};
use process_pool::Tasks;
use records::{DataArguments, nansum, write_part};

fn main() -> ExitCode {
    // The workers that make the data file, where there is none.
    Tasks::new().add(write_part).serve_if_worker();
    command_line::run(sum)
}

// ANCHOR: sequential
/// Adds up the same records several times: the first pass is what a run without workers
/// takes, the passes after it are the least that any run with workers has to beat.
fn sum(Arguments { data }: Arguments) -> Result<(), Box<dyn Error>> {
    let records = load(&data, 1.05)?;
    trace!("Will use no workers.");
    mark("computing");
    let passes = passes(|| nansum(&records));
    mark("ended");
    trace!("{}", MemoryUsage::now());
    let [least_s, median_s, most_s] = passes.warm_s;
    trace!("first_time_s={:.4}", passes.first_s);
    trace!(
        "total_time_s={median_s:.4} of {WARM_PASSES} more passes [{least_s:.4}-{most_s:.4}] \
         total_sum={}",
        passes.total_sum
    );
    Ok(check_output()?)
}
// ANCHOR_END: sequential

/// Sums one field of many records in one process
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    data: DataArguments,
}
