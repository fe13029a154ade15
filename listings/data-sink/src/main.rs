//! The notes' data sink: a large array, cut into batches that workers sum.

mod columns;
mod cut;
mod killed;

use std::error::Error;
use std::ops::Range;
use std::process::ExitCode;
use std::sync::OnceLock;
use std::time::Instant;

use clap::{Parser, ValueEnum};
use command_line::grouped;
use mem_trace::{CountingAllocator, MemoryUsage, check_output, mark, mebibytes, trace};
use process_pool::{Builder, Pool, Slice, StartMethod, Tasks};
use records::{DataArguments, Record, batches, nansum, write_part};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

// ANCHOR: process
/// The notes' task: the records come with it.
fn process(batch: Slice<Record>) -> f64 {
    trace!("Received data");
    let sum = nansum(&batch);
    trace!("Sending result back. {}", MemoryUsage::now());
    sum
}
// ANCHOR_END: process

// ANCHOR: inherit
/// The whole array, for workers that are forked after it was loaded.
static INHERITED: OnceLock<Slice<Record>> = OnceLock::new();

/// The task that the notes lack: a range comes, the records are there already.
fn process_inherited(range: Range<usize>) -> f64 {
    trace!("Received a range");
    let data = INHERITED.get().expect("forked after the data was loaded");
    let sum = nansum(&data[range]);
    trace!("Sending result back. {}", MemoryUsage::now());
    sum
}
// ANCHOR_END: inherit

fn main() -> ExitCode {
    Tasks::new()
        .add(process)
        .add(process_inherited)
        .add(killed::process_or_be_killed)
        .add(write_part)
        .serve_if_worker();
    command_line::run(run)
}

fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    match arguments.run {
        Run::Generate => generate(&arguments.data),
        Run::Sequential => sequential(&arguments.data),
        Run::Fork => through_the_pipe(&arguments, StartMethod::Fork),
        Run::Spawn => through_the_pipe(&arguments, StartMethod::Spawn),
        Run::ForkServer => through_the_pipe(&arguments, StartMethod::ForkServer),
        Run::ForkInherit => inherited(&arguments.data),
        Run::Columns => columns::compare(&arguments.data),
        Run::Batches => {
            cut::compare();
            Ok(())
        }
        Run::Killed => killed::sum(&arguments.data, arguments.again),
    }?;
    Ok(check_output()?)
}

// ANCHOR: pipe
/// The notes' program: every batch is sent to the worker that sums it.
fn through_the_pipe(arguments: &Arguments, method: StartMethod) -> Result<(), Box<dyn Error>> {
    let workers = arguments.data.workers;
    // Once here, and once more in the workers' batches together.
    let data = load(&arguments.data, 2.1)?;
    trace!("Will use {workers} workers for {workers} batches.");

    let start = Instant::now();
    let mut pool = Pool::builder(method).workers(workers);
    if arguments.one_feeder {
        pool = pool.serial_sends();
    }
    let parts = batches(data.len(), workers).map(|range| data.part(range));
    let total_sum = sum_in_workers(pool, process, parts)?;
    report(start, total_sum);
    Ok(())
}

fn sum_in_workers<A: serde::Serialize>(
    pool: Builder,
    task: impl Fn(A) -> f64 + Copy + 'static,
    parts: impl Iterator<Item = A>,
) -> Result<f64, process_pool::Error> {
    mark("starting");
    let pool = pool.start()?;
    trace!("Scheduling tasks... {}", MemoryUsage::now());
    let tasks: Vec<_> = parts
        .map(|part| pool.submit(task, part))
        .collect::<Result<_, _>>()?;
    trace!("Waiting for results... {}", MemoryUsage::now());
    mark("waiting");
    tasks.into_iter().map(|task| task.wait()).sum()
}
// ANCHOR_END: pipe

// ANCHOR: sequential
/// What the notes did not measure: the sum without any process.
fn sequential(arguments: &DataArguments) -> Result<(), Box<dyn Error>> {
    let data = load(arguments, 1.05)?;
    trace!("Will use no workers.");
    let start = Instant::now();
    mark("computing");
    let total_sum = nansum(&data);
    report(start, total_sum);
    Ok(())
}
// ANCHOR_END: sequential

/// Nothing is sent but ranges: each worker is forked with the array in its memory.
fn inherited(arguments: &DataArguments) -> Result<(), Box<dyn Error>> {
    let workers = arguments.workers;
    let data = load(arguments, 1.05)?;
    let ranges = batches(data.len(), workers);
    INHERITED.set(data).expect("set once, here");
    trace!("Will use {workers} workers for {workers} batches.");

    let start = Instant::now();
    let pool = Pool::builder(StartMethod::Fork).workers(workers);
    let total_sum = sum_in_workers(pool, process_inherited, ranges)?;
    report(start, total_sum);
    Ok(())
}

fn generate(arguments: &DataArguments) -> Result<(), Box<dyn Error>> {
    trace!("Generating data. {}", MemoryUsage::now());
    arguments.generate()?;
    let file = arguments.open(0.0)?;
    trace!(
        "Generated {} MB of data. {} records. {}",
        mebibytes(file.bytes()),
        grouped(file.records()),
        MemoryUsage::now()
    );
    Ok(())
}

/// The records in this process's own memory, where `copies` of them fit.
fn load(arguments: &DataArguments, copies: f64) -> Result<Slice<Record>, records::Error> {
    let file = arguments.open(copies)?;
    trace!("Loading data...");
    mark("loading");
    let data = file.load()?;
    trace!(
        "Loaded {} MB of data. {} records",
        mebibytes(size_of_val(&data[..]) as u64),
        grouped(data.len())
    );
    Ok(data)
}

/// The timer contains the start of the workers, the sums and the workers' end;
/// not the loading.
fn report(start: Instant, total_sum: f64) {
    let total_time_s = start.elapsed().as_secs_f64();
    mark("ended");
    trace!("{}", MemoryUsage::now());
    trace!("total_time_s={total_time_s:.3} total_sum={total_sum}");
}

/// Sums one field of many records, and shows what each way costs in time and memory
#[derive(Parser)]
struct Arguments {
    /// How the records reach those that sum them
    #[arg(value_enum, default_value = "fork")]
    run: Run,

    #[command(flatten)]
    data: DataArguments,

    /// Send to one worker at a time, as Python's pools do (with fork and spawn)
    #[arg(long)]
    one_feeder: bool,

    /// Send the batch of a killed worker again, to another (with killed)
    #[arg(long)]
    again: bool,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Run {
    /// Forked workers; the records are sent to them
    Fork,
    /// Spawned workers; the records are sent to them
    Spawn,
    /// Workers forked by a server; the records are sent to them
    ForkServer,
    /// No workers at all
    Sequential,
    /// Forked workers that inherit the records
    ForkInherit,
    /// No workers: the values among the records, and as a column of their own
    Columns,
    /// No data: how two rules cut records into batches
    Batches,
    /// Spawned workers, of which one is killed with its batch
    Killed,
    /// Make the data file, in place of one that is there
    Generate,
}
