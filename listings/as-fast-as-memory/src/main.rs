//! The same sum over the same records, by every way of the records to the workers.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use command_line::{count, grouped};
use mem_trace::{in_huge_pages, mebibytes};
use process_pool::Tasks;
use records::{DataArguments, touch_free_memory, write_part};

mod data;
mod measure;
mod ways;

use data::Data;
use measure::{Measured, measure};
use ways::{BASELINE, WAYS, Way, wake_cores};

fn main() -> ExitCode {
    ways::add_tasks(Tasks::new())
        .add(write_part)
        .serve_if_worker();
    command_line::run(compare)
}

/// Sums by each way in turn, `rounds` times after a round that is not counted.
fn compare(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let chosen = arguments.chosen()?;
    let (data, rounds) = (Data::load(&arguments.data)?, arguments.rounds);
    println!(
        "{} records of 24 bytes, {} workers, {rounds} rounds",
        grouped(data.records.len()),
        data.workers
    );
    let [socket, large_socket] = ways::room()?.map(|bytes| bytes >> 10);
    println!("A socket has room for {socket} KiB, a large one for {large_socket} KiB");
    let huge = in_huge_pages().map_or("an unknown part".to_owned(), |bytes| {
        format!("{} MB", mebibytes(bytes))
    });
    let all = mebibytes(size_of_val(&data.records[..]) as u64);
    println!("The records take {all} MB, of which huge pages hold {huge}");
    println!("{:36}{}", "", Measured::HEADINGS);
    // A reader sees what is measured before it takes its time.
    io::stdout().flush()?;

    let mut measured = vec![Measured::default(); chosen.len()];
    for round in 0..=rounds {
        for (way, measured) in chosen.iter().zip(&mut measured) {
            // ANCHOR: timed
            // What it needs beforehand is there before its time begins, and gone after; what
            // it asks the system for has been in use a moment ago; and no core was idle.
            let sum = (way.prepare)(&data)?;
            touch_free_memory(size_of_val(&data.records[..]))?;
            wake_cores(&data);
            let took = measure(sum)?;
            // ANCHOR_END: timed
            if took.sum != data.sum {
                let (name, sum, expected) = (way.name, took.sum, data.sum);
                return Err(format!("{name}: expected the sum {expected}, found {sum}").into());
            }
            if round > 0 {
                measured.push(took);
            }
        }
    }
    let baseline = &measured[0];
    for (way, measured) in chosen.iter().zip(&measured) {
        println!("{:<36}{}", way.name, measured.beside(baseline));
    }
    let bytes = size_of_val(&data.records[..]) as f64;
    println!(
        "One thread takes the records at {:.1} GB/s",
        bytes / baseline.median_s() / 1e9
    );
    println!("Every way found the same sum in every round: {}", data.sum);
    Ok(())
}

/// Sums the same records by every way in turn: one thread, threads, worker processes
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    data: DataArguments,

    /// How often each way is measured
    #[arg(long, value_name = "N", value_parser = count::<1000>, default_value = "5")]
    rounds: usize,

    /// Only the ways whose names contain one of these words, beside one thread
    #[arg(value_name = "WORDS")]
    only: Vec<String>,
}

impl Arguments {
    fn chosen(&self) -> Result<Vec<&'static Way>, String> {
        let is_chosen = |way: &&Way| {
            let named = |words: &String| way.name.contains(words.as_str());
            way.name == BASELINE || self.only.is_empty() || self.only.iter().any(named)
        };
        let chosen: Vec<_> = WAYS.iter().filter(is_chosen).collect();
        match (chosen.len(), &self.only[..]) {
            (1, [_, ..]) => Err(format!(
                "expected words of these names: {}",
                WAYS.iter()
                    .map(|way| way.name)
                    .collect::<Vec<_>>()
                    .join("; ")
            )),
            _ => Ok(chosen),
        }
    }
}
