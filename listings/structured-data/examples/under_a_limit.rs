//! A solution: four workers that have sixteen tables at hand, and next to no memory for them.

use std::process::ExitCode;

use clap::Parser;
use process_pool::{Descriptor, Pool, StartMethod, Tasks};
use serde::{Deserialize, Serialize};
use structured_data::Result;
use structured_data::columns::{self, Care, rows, within};
use structured_data::request::{SECTIONS, requests, waited};
use structured_data::sealed::{map, sealed};
use structured_data::worker::in_words;

/// Asks four workers about the requests of sixteen days
#[derive(Parser)]
struct Arguments {}

const DAYS: usize = 16;
const REQUESTS_A_DAY: usize = 50_000;

/// A question about all days.
#[derive(Serialize, Deserialize)]
struct Job {
    days: Vec<Descriptor>,
    section: String,
}

/// What a worker answers.
#[derive(Serialize, Deserialize)]
struct Answer {
    milliseconds: f64,
    /// Arrays that lie in a mapped file, and all.
    arrays: Option<(usize, usize)>,
}

fn main() -> ExitCode {
    Tasks::new().add(answer).serve_if_worker();
    command_line::run(|_: Arguments| ask())
}

fn ask() -> Result<()> {
    let days: Vec<Descriptor> = (0..DAYS).map(|_| day()).collect::<Result<_>>()?;
    let pool = Pool::builder(StartMethod::Spawn)
        .workers(SECTIONS.len())
        .start()?;
    let jobs = SECTIONS.map(|section| Job {
        days: days.clone(),
        section: section.to_owned(),
    });
    for (section, answer) in SECTIONS.iter().zip(pool.map(answer, jobs)?) {
        let Answer {
            milliseconds,
            arrays,
        } = answer?;
        let (inside, all) = arrays.unwrap_or_default();
        println!("{section}: {milliseconds} ms; {inside} of {all} arrays in a map");
    }
    Ok(())
}

// ANCHOR: solution
/// The requests of a day, as a file for all workers.
fn day() -> Result<Descriptor> {
    let file = columns::file(&requests(REQUESTS_A_DAY), None)?;
    Ok(Descriptor::from(sealed(&file)?))
}

/// What somebody has waited on all days. The worker has them all at hand for that.
fn answer(job: Job) -> std::result::Result<Answer, String> {
    let mut days = Vec::new();
    let (mut inside, mut all) = (0, 0);
    for day in &job.days {
        let file = map(day).map_err(in_words)?;
        let range = file.as_ptr_range();
        // SAFETY: nothing is believed.
        let batches = unsafe { columns::batches(&columns::buffer(file), Care::default()) };
        let batches = batches.map_err(in_words)?;
        let (here, of) = within(&batches, &range);
        (inside, all) = (inside + here, all + of);
        days.extend(batches);
    }
    let mut milliseconds = 0.0;
    for batch in &days {
        milliseconds += waited(&job.section, rows(batch).map_err(in_words)?);
    }
    Ok(Answer {
        milliseconds,
        arrays: Some((inside, all)),
    })
}
// ANCHOR_END: solution
