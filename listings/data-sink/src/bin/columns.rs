//! The same sum over two layouts of the same values.

use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use data_sink::load;
use mem_trace::{check_output, mebibytes, trace};
use process_pool::Tasks;
use records::{DataArguments, column, nansum, nansum_column, write_part};

/// An odd number, so that one pass is in the middle.
const PASSES: usize = 5;

fn main() -> ExitCode {
    // The workers that make the data file, where there is none.
    Tasks::new().add(write_part).serve_if_worker();
    command_line::run(compare)
}

// ANCHOR: columns
/// Sums the values where they lie among the records, and again where they lie side
/// by side. The passes take turns, so that what disturbs one layout disturbs both.
fn compare(Arguments { data }: Arguments) -> Result<(), Box<dyn Error>> {
    let records = load(&data, 1.4)?;
    let values = column(&records);
    trace!("Copied the values into a column of their own.");

    let (mut of_records, mut of_column) = (Vec::new(), Vec::new());
    for _ in 0..PASSES {
        of_records.push(timed(|| nansum(&records)));
        of_column.push(timed(|| nansum_column(&values)));
    }
    report("records", size_of_val(&records[..]), of_records);
    report("column", size_of_val(&values[..]), of_column);
    Ok(check_output()?)
}
// ANCHOR_END: columns

/// Seconds, and the sum.
fn timed(sum: impl Fn() -> f64) -> (f64, f64) {
    let start = Instant::now();
    let total_sum = sum();
    (start.elapsed().as_secs_f64(), total_sum)
}

fn report(layout: &str, bytes: usize, mut passes: Vec<(f64, f64)>) {
    passes.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (middle_s, total_sum) = passes[PASSES / 2];
    let (shortest_s, longest_s) = (passes[0].0, passes[PASSES - 1].0);
    trace!(
        "{layout}: {} MB read. {layout}_time_s={middle_s:.4} of {PASSES} passes \
         [{shortest_s:.4}-{longest_s:.4}] total_sum={total_sum}",
        mebibytes(bytes as u64)
    );
}

/// Sums values that lie among the records, and the same values as a column of their own
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    data: DataArguments,
}
