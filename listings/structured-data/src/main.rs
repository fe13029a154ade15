//! One table for several workers, by five ways: what does each worker have of its own?

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::process::ExitCode;

use arrow_buffer::Buffer;
use clap::Parser;
use command_line::grouped;
use process_pool::{Descriptor, Tasks};
use structured_data::columns::{self, Care};
use structured_data::request::{Request, requests, waited};
use structured_data::sealed::{map, sealed};
use structured_data::worker::{Job, Report, arrow, begins, in_words, present, report};
use structured_data::workers::{Summary, ask};
use structured_data::{Size, mib};

/// Gives one table to several workers by each of five ways
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    size: Size,
    /// Worker processes
    #[arg(long, value_name = "N", default_value = "4")]
    #[arg(value_parser = command_line::count::<64>)]
    workers: usize,
}

fn main() -> ExitCode {
    Tasks::new()
        .add(sent)
        .add(decoded)
        .add(read)
        .add(mapped)
        .add(trusted)
        .add(present)
        .add_initializer(begins)
        .serve_if_worker();
    command_line::run(compare)
}

// ANCHOR: ways
/// By the pool: the table is the argument, and arrives as Rust's own values.
fn sent((table, job): (Vec<Request>, Job)) -> Result<Report, String> {
    answer(job, &table)
}

/// The pool's encoding lies in a file, which each worker maps and decodes.
fn decoded(job: Job) -> Result<Report, String> {
    let file = map(&job.file).map_err(in_words)?;
    let table: Vec<Request> = postcard::from_bytes(&file).map_err(in_words)?;
    answer(job, &table)
}

/// An Arrow file, which each worker reads into memory of its own.
fn read(job: Job) -> Result<Report, String> {
    let file = File::from(job.file.as_fd().try_clone_to_owned().map_err(in_words)?);
    let mut bytes = vec![0; file.metadata().map_err(in_words)?.len() as usize];
    // From byte 0, wherever the offset stands that all workers share.
    file.read_exact_at(&mut bytes, 0).map_err(in_words)?;
    // SAFETY: nothing is believed.
    unsafe { arrow(job, &Buffer::from_vec(bytes), None, Care::default()) }
}

/// The same file, which each worker maps.
fn mapped(job: Job) -> Result<Report, String> {
    let file = map(&job.file).map_err(in_words)?;
    let range = file.as_ptr_range();
    // SAFETY: nothing is believed.
    unsafe { arrow(job, &columns::buffer(file), Some(range), Care::default()) }
}

/// The same, and the worker believes what is in the file.
fn trusted(job: Job) -> Result<Report, String> {
    let file = map(&job.file).map_err(in_words)?;
    let range = file.as_ptr_range();
    let care = Care {
        trusting: true,
        ..Care::default()
    };
    // SAFETY: this program has written the file, by arrow-ipc's writer, and sealed it.
    unsafe { arrow(job, &columns::buffer(file), Some(range), care) }
}
// ANCHOR_END: ways

fn answer(job: Job, table: &[Request]) -> Result<Report, String> {
    let rows = table.iter().map(Request::row);
    report(job, None, |section| Ok(waited(section, rows)))
}

fn compare(Arguments { size, workers }: Arguments) -> structured_data::Result<()> {
    let table = requests(size.requests);
    let encoded = postcard::to_stdvec(&table)?;
    let arrow = columns::file(&table, None)?;
    println!(
        "{} requests: {:.1} MiB encoded, {:.1} MiB as an Arrow file; {workers} workers",
        grouped(table.len()),
        mib(encoded.len()),
        mib(arrow.len())
    );
    let encoded = Descriptor::from(sealed(&encoded)?);
    let arrow = Descriptor::from(sealed(&arrow)?);

    println!("                    of each worker     all workers    arrays   all have     waited");
    println!("MiB               heap  private dirty          PSS  in map     it after         ms");
    let with_table = |job| (table.clone(), job);
    show("sent", ask(workers, &encoded, sent, with_table)?);
    show(
        "mapped, decoded",
        ask(workers, &encoded, decoded, |job| job)?,
    );
    show("Arrow, read", ask(workers, &arrow, read, |job| job)?);
    show("Arrow, mapped", ask(workers, &arrow, mapped, |job| job)?);
    show("Arrow, trusted", ask(workers, &arrow, trusted, |job| job)?);
    Ok(())
}

fn show(way: &str, summary: Summary) {
    let arrays = match summary.arrays {
        Some((inside, all)) => format!("{inside} of {all}"),
        None => "-".to_owned(),
    };
    println!(
        "{way:<16} {:>5.1} {:>13.1} {:>11.1}   {arrays:>8} {:>8.4} s  {}",
        mib(summary.heap),
        mib(summary.private_dirty),
        mib(summary.proportional),
        summary.ready.as_secs_f64(),
        summary.waited,
    );
}
