//! The records of one `.npy` file, as a table of files in Parquet.

use std::error::Error;
use std::fs;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use command_line::grouped;
use mem_trace::check_output;
use past_one_machine::table::{TableArguments, bytes, convert, parts};
use process_pool::Tasks;
use records::write_part;

/// Converts records to a table of files in Parquet, and compares the two
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    table: TableArguments,

    /// Remove the table that is there, and convert anew
    #[arg(long)]
    again: bool,
}

fn main() -> ExitCode {
    Tasks::new().add(write_part).serve_if_worker();
    command_line::run(run)
}

fn run(Arguments { table, again }: Arguments) -> Result<(), Box<dyn Error>> {
    let path = table.path();
    if path.exists() {
        if !again {
            let path = path.display();
            return Err(format!("{path} is there already; --again converts anew").into());
        }
        // What is no part of a table is not this program's to remove.
        parts(&path)?;
        for entry in fs::read_dir(&path)? {
            let name = entry?.file_name();
            let name = name.to_string_lossy();
            if !(name.starts_with("part-") && name.ends_with(".parquet")) {
                let path = path.display();
                return Err(format!(
                    "{path} holds {name}; expected a table alone: nothing is removed"
                )
                .into());
            }
        }
        fs::remove_dir_all(&path)?;
    }
    let data = table.data().open(0.0)?;
    let size = data.bytes();
    let begun = Instant::now();
    let totals = convert(data, &path, table.files)?;
    let took = begun.elapsed().as_secs_f64();
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    println!(
        "{} records: {:.1} MB of .npy, {:.1} MB in {} files of Parquet, in {took:.1} s",
        grouped(totals.records as usize),
        megabytes(size),
        megabytes(bytes(&path)?),
        table.files
    );
    println!(
        "Read back: {} records, {} of them NaN, sum {}; every total is that of the .npy",
        grouped(totals.records as usize),
        grouped(totals.gaps as usize),
        grouped(totals.sum as usize)
    );
    Ok(check_output()?)
}
