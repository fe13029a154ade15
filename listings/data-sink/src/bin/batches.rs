//! Two rules that cut records into batches, one for each worker.

use std::io;
use std::ops::Range;
use std::process::ExitCode;

use clap::Parser;
use command_line::grouped;
use mem_trace::{check_output, trace};
use records::batches;

fn main() -> ExitCode {
    command_line::run(|_: Arguments| compare())
}

/// Shows how two rules cut records into batches; needs no data
#[derive(Parser)]
struct Arguments {}

// ANCHOR: rule
/// The notes' rule: `batch_size = len // batches`, then
/// `range(0, len, batch_size)`. `None` is what Python refuses: a step of 0.
fn by_size(records: usize, count: usize) -> Option<Vec<Range<usize>>> {
    let size = records / count;
    if size == 0 {
        return None;
    }
    let starts = (0..records).step_by(size);
    Some(starts.map(|i| i..records.min(i + size)).collect())
}

/// Batch `i` of `w` begins at `i * n / w` and ends where the next one begins.
fn by_position(records: usize, count: usize) -> Vec<Range<usize>> {
    batches(records, count).collect()
}
// ANCHOR_END: rule

/// Shows what either rule makes of records that do not divide evenly.
fn compare() -> io::Result<()> {
    for (records, count) in [(200_000_000, 8), (10, 4), (7, 4), (3, 4)] {
        let title = format!("{} records, {count} batches wanted:", grouped(records));
        match by_size(records, count) {
            Some(ranges) => trace!("{title} len // batches cuts {}", lengths(&ranges)),
            None => trace!("{title} len // batches is 0, and a step of 0 is refused"),
        }
        let ranges = by_position(records, count);
        trace!("{title} i * n / w cuts {}", lengths(&ranges));
    }
    check_output()
}

/// How many, and how long: "4: 2 3 2 3", or "5 of 2" where all are alike.
fn lengths(ranges: &[Range<usize>]) -> String {
    let lengths: Vec<String> = ranges.iter().map(|range| grouped(range.len())).collect();
    if lengths.iter().all(|length| *length == lengths[0]) {
        format!("{} of {}", ranges.len(), lengths[0])
    } else {
        format!("{}: {}", ranges.len(), lengths.join(" "))
    }
}
