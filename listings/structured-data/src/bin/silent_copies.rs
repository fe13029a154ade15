//! Four files with one table: two that can be read where they lie, and two that cannot.

use std::process::ExitCode;

use arrow_ipc::CompressionType;
use clap::Parser;
use process_pool::{Descriptor, Tasks};
use serde::{Deserialize, Serialize};
use structured_data::columns::{self, Care};
use structured_data::request::requests;
use structured_data::sealed::{map, sealed};
use structured_data::worker::{Job, Report, arrow, begins, in_words, present};
use structured_data::workers::ask;
use structured_data::{Result, Size, mib};

/// Maps an Arrow file, the same compressed, and the same behind other headers
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
        .add(mapped)
        .add(present)
        .add_initializer(begins)
        .serve_if_worker();
    command_line::run(compare)
}

// ANCHOR: mapped
/// A worker's task, and where in the file the table begins.
#[derive(Clone, Serialize, Deserialize)]
struct Place {
    begin: usize,
    /// Whether to refuse what would have to be copied.
    strict: bool,
}

fn mapped((place, job): (Place, Job)) -> std::result::Result<Report, String> {
    let file = map(&job.file).map_err(in_words)?;
    let range = file.as_ptr_range();
    let file = columns::buffer(file).slice(place.begin);
    let care = Care {
        aligned: place.strict,
        ..Care::default()
    };
    // SAFETY: nothing is believed.
    let report = unsafe { arrow(job, &file, Some(range), care) }?;
    match report.arrays {
        Some((inside, all)) if place.strict && inside < all => {
            Err(format!("{} of {all} arrays had to be copied", all - inside))
        }
        _ => Ok(report),
    }
}
// ANCHOR_END: mapped

/// What another format puts in front of the table, as many bytes as a `.npy` file begins with.
const HEADER: [u8; 10] = *b"REQUESTS 1";

fn compare(Arguments { size, workers }: Arguments) -> Result<()> {
    let table = requests(size.requests);
    let plain = columns::file(&table, None)?;
    let compressed = columns::file(&table, Some(CompressionType::LZ4_FRAME))?;
    drop(table);
    let behind = |header: &[u8]| [header, &plain].concat();
    let behind_10 = behind(&HEADER);
    let mut padded = [0; 64];
    padded[..HEADER.len()].copy_from_slice(&HEADER);
    let behind_64 = behind(&padded);

    println!("MiB                file   heap  private dirty     arrays in map       waited");
    let mut files = Vec::new();
    for (name, file, begin) in [
        ("plain", plain, 0),
        ("compressed", compressed, 0),
        ("behind 10 bytes", behind_10, HEADER.len()),
        ("behind 64 bytes", behind_64, padded.len()),
    ] {
        let bytes = file.len();
        let file = Descriptor::from(sealed(&file)?);
        let place = |strict| Place { begin, strict };
        let way = ask(workers, &file, mapped, |job| (place(false), job))?;
        let (inside, all) = way.arrays.unwrap_or_default();
        println!(
            "{name:<16} {:>6.1} {:>6.1} {:>14.1}   {:>15} {:>12}",
            mib(bytes),
            mib(way.heap),
            mib(way.private_dirty),
            format!("{inside} of {all}"),
            way.waited
        );
        files.push((name, file, place(true)));
    }
    for (name, file, place) in files {
        match ask(workers, &file, mapped, |job| (place.clone(), job)) {
            Ok(_) => println!("strictly, {name}: read where it lies"),
            Err(error) => {
                let error = error.to_string().replace(", ", ",\n    ");
                println!("strictly, {name}: refused\n    {error}");
            }
        }
    }
    Ok(())
}
