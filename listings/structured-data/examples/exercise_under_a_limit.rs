//! Your version: four workers that are to have sixteen tables at hand, in less memory than the
//! tables take.

use std::process::ExitCode;

use clap::Parser;
use process_pool::{Descriptor, Pool, StartMethod, Tasks};
use serde::{Deserialize, Serialize};
use structured_data::Result;
use structured_data::request::{Request, SECTIONS, requests, waited};
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

/// The requests of a day, as a file for all workers.
fn day() -> Result<Descriptor> {
    let file = postcard::to_stdvec(&requests(REQUESTS_A_DAY))?;
    Ok(Descriptor::from(sealed(&file)?))
}

/// What somebody has waited on all days. The worker has them all at hand for that.
fn answer(job: Job) -> std::result::Result<Answer, String> {
    let mut days: Vec<Request> = Vec::new();
    for day in &job.days {
        let file = map(day).map_err(in_words)?;
        let requests: Vec<Request> = postcard::from_bytes(&file).map_err(in_words)?;
        days.extend(requests);
    }
    Ok(Answer {
        milliseconds: waited(&job.section, days.iter().map(Request::row)),
        arrays: None,
    })
}
