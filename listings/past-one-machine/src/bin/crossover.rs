//! The same sum by one machine and by a cluster: what each takes, and from where on the cluster
//! wins.

use std::error::Error;
use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use command_line::{count, grouped};
use memmap2::{Mmap, MmapOptions};
use past_one_machine::cluster::{Cluster, ClusterOptions, Place, serve_if_node};
use past_one_machine::query;
use past_one_machine::table::{TableArguments, bytes};
use process_pool::{Descriptor, Pool, StartMethod, Tasks};
use records::{DataArguments, Record, batches, nansum, write_part};
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

/// Sums the records by one machine and by a cluster, and computes where the cluster wins
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    table: TableArguments,

    /// How often each way, in turns
    #[arg(long, value_name = "N", default_value = "5", value_parser = count::<100>)]
    rounds: usize,
}

fn main() -> ExitCode {
    Tasks::new().add(write_part).add(sum_part).serve_if_worker();
    serve_if_node().unwrap_or_else(|| command_line::run(run))
}

// ANCHOR: pool
/// A worker's part of the records, in a file that it maps.
#[derive(Debug, Serialize, Deserialize)]
struct Part {
    file: Descriptor,
    offset: u64,
    records: usize,
}

/// The pool's task.
fn sum_part(part: Part) -> Result<f64, String> {
    let map = map(part.file, part.offset, part.records).map_err(|error| error.to_string())?;
    let records: &[Record] = bytemuck::try_cast_slice(&map).map_err(|error| error.to_string())?;
    Ok(nansum(records))
}

fn map(file: impl AsFd, offset: u64, records: usize) -> std::io::Result<Mmap> {
    let file = File::from(file.as_fd().try_clone_to_owned()?);
    let length = records * size_of::<Record>();
    // SAFETY: the data file is read-only from when it appears under its name, so that nobody
    // changes it while it is mapped.
    unsafe { MmapOptions::new().offset(offset).len(length).map(&file) }
}
// ANCHOR_END: pool

/// One way to the sum, by which the times are told apart.
struct Way<'a> {
    name: &'static str,
    sum: Box<dyn FnMut() -> Result<f64, Box<dyn Error>> + 'a>,
    seconds: Vec<f64>,
}

fn run(Arguments { table, rounds }: Arguments) -> Result<(), Box<dyn Error>> {
    let path = table.open()?;
    let data = table.data();
    let size = data.open(0.0)?.bytes();
    let (records, files) = (table.records, table.files);
    println!(
        "{} records: {:.1} MB mapped, {:.1} MB in {files} files of Parquet",
        grouped(records),
        size as f64 / 1e6,
        bytes(&path)? as f64 / 1e6
    );
    let runtime = Runtime::new()?;
    let one = started(1)?;
    let two = started(2)?;
    // What is left of a query whose data is next to nothing.
    let few = TableArguments {
        records: files,
        files,
        table: None,
    };
    let few = few.open()?;

    let mut ways = [
        way("one thread", mapped(&data, None)?),
        way("two workers", mapped(&data, Some(2))?),
        way(
            "DataFusion, two parts",
            asked(&runtime, None, files, &path)?,
        ),
        way(
            "Ballista, one executor",
            asked(&runtime, Some(&one), files, &path)?,
        ),
        way(
            "Ballista, two executors",
            asked(&runtime, Some(&two), files, &path)?,
        ),
        way(
            "Ballista, hardly any data",
            asked(&runtime, Some(&two), files, &few)?,
        ),
    ];
    let mut found = Vec::new();
    // The first round finds the files in no cache of an engine, and is not counted.
    for round in 0..=rounds {
        for way in &mut ways {
            let begun = Instant::now();
            let sum = (way.sum)()?;
            let took = begun.elapsed().as_secs_f64();
            if round > 0 {
                way.seconds.push(took);
            }
            found.push((way.name, sum));
        }
    }
    let sum = found[0].1;
    let others = found
        .iter()
        .filter(|(name, _)| !name.ends_with("hardly any data"));
    if let Some((name, other)) = others.clone().find(|(_, other)| *other != sum) {
        return Err(format!("{name} found {other}, one thread {sum}").into());
    }
    for way in &mut ways {
        way.seconds.sort_by(f64::total_cmp);
        let (least, most) = (way.seconds[0], way.seconds[rounds - 1]);
        println!(
            "{:<26} {:>8.4} s [{least:.4} to {most:.4}]",
            way.name,
            way.median()
        );
    }
    println!(
        "Every way found the same sum in every round: {}",
        sum as u64
    );
    let [_, workers, _, _, cluster, empty] = &ways;
    compare(records as f64, workers, cluster, empty);
    Ok(())
}

fn way<'a>(
    name: &'static str,
    sum: Box<dyn FnMut() -> Result<f64, Box<dyn Error>> + 'a>,
) -> Way<'a> {
    Way {
        name,
        sum,
        seconds: Vec::new(),
    }
}

/// The times of its rounds, once they are sorted.
impl Way<'_> {
    fn least(&self) -> f64 {
        self.seconds[0]
    }

    fn most(&self) -> f64 {
        self.seconds[self.seconds.len() - 1]
    }

    fn median(&self) -> f64 {
        self.seconds[self.seconds.len() / 2]
    }
}

fn started(executors: usize) -> past_one_machine::Result<Cluster> {
    Cluster::start(&ClusterOptions {
        executors: vec![Place::default(); executors],
        shown: false,
        ..ClusterOptions::default()
    })
}

/// The file, mapped by this thread, or by so many workers that stay.
fn mapped(
    data: &DataArguments,
    workers: Option<usize>,
) -> Result<Box<dyn FnMut() -> Result<f64, Box<dyn Error>>>, Box<dyn Error>> {
    let data = data.open(0.0)?;
    let (records, offset) = (data.records(), data.offset());
    let file = Descriptor::from(std::os::fd::OwnedFd::from(data.into_file()));
    let Some(workers) = workers else {
        return Ok(Box::new(move || {
            Ok(sum_part(Part {
                file: file.clone(),
                offset,
                records,
            })?)
        }));
    };
    let pool = Pool::builder(StartMethod::Spawn).workers(workers).start()?;
    Ok(Box::new(move || {
        let parts = batches(records, workers).map(|part| Part {
            file: file.clone(),
            offset: offset + (part.start * size_of::<Record>()) as u64,
            records: part.len(),
        });
        let mut sum = 0.0;
        for part in pool.map(sum_part, parts)? {
            sum += part?;
        }
        Ok(sum)
    }))
}

/// The query, asked of a cluster, or of DataFusion in this process.
fn asked<'a>(
    runtime: &'a Runtime,
    cluster: Option<&Cluster>,
    files: usize,
    table: &Path,
) -> Result<Box<dyn FnMut() -> Result<f64, Box<dyn Error>> + 'a>, Box<dyn Error>> {
    let scheduler = cluster.map(|cluster| cluster.address.clone());
    let session = match &scheduler {
        Some(scheduler) => runtime.block_on(query::remote(scheduler, files))?,
        None => query::in_process(2),
    };
    runtime.block_on(query::register(&session, table))?;
    let scheduler = scheduler.unwrap_or_default();
    Ok(Box::new(move || {
        Ok(runtime.block_on(query::sum(&session, &scheduler))?.sum)
    }))
}

// ANCHOR: compare
/// What the two sides take for the records that were measured, in seconds.
#[derive(Debug, Clone, Copy)]
struct Times {
    workers: f64,
    /// The cluster's price for any query.
    fixed: f64,
    /// What it takes beyond that, which more machines share.
    shared: f64,
}

impl Times {
    /// How many times as fast as the workers a cluster of so many machines like this one is, on
    /// `times` as many records.
    fn gain(self, machines: f64, times: f64) -> f64 {
        (times * self.workers) / (self.fixed + times * self.shared / machines)
    }

    /// How many times the records it takes until both need the same time, if they ever do.
    fn even(self, machines: f64) -> Option<f64> {
        let saved = self.workers - self.shared / machines;
        (saved > 0.0).then(|| self.fixed / saved)
    }
}

/// From where on a cluster of machines like this one wins over this one alone.
fn compare(measured: f64, workers: &Way<'_>, cluster: &Way<'_>, empty: &Way<'_>) {
    let median = Times {
        workers: workers.median(),
        fixed: empty.median(),
        shared: (cluster.median() - empty.median()).max(0.0),
    };
    println!(
        "A query without data takes {:.1} times as long as the workers with all of it.",
        median.fixed / median.workers
    );
    println!(
        "With all of it the cluster takes {:.1} times as long as the workers.",
        cluster.median() / median.workers
    );
    println!(
        "Beyond the query without data it takes {:.1} times as long.",
        median.shared / median.workers
    );
    for machines in [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0] {
        let from = match median.even(machines) {
            Some(times) => format!("from {:.0} million records on", times * measured / 1e6),
            None => "at no size".to_owned(),
        };
        println!("{machines:>4} machines win {from}");
    }
    // The least favourable times of the rounds, and the most.
    let worst = Times {
        workers: workers.least(),
        fixed: empty.most(),
        shared: (cluster.most() - empty.least()).max(0.0),
    };
    let best = Times {
        workers: workers.most(),
        fixed: empty.least(),
        shared: (cluster.least() - empty.most()).max(0.0),
    };
    for doublings in (0..=16).step_by(2) {
        let times = 1e6 * f64::from(1 << doublings) / measured;
        let gains = [4.0, 16.0, 64.0].map(|machines| {
            let [gain, least, most] = [median, worst, best].map(|side| side.gain(machines, times));
            format!("{machines} machines {gain:.3} ({least:.3} to {most:.3})")
        });
        println!(
            "{doublings:>4} doublings: {} times as fast",
            gains.join(", ")
        );
    }
}
// ANCHOR_END: compare
