//! What the programs of this listing share: loading, a pool that sums, and the report.

use std::io;
use std::thread::sleep;
use std::time::{Duration, Instant};

use command_line::grouped;
use mem_trace::{CountingAllocator, MemoryUsage, mark, mebibytes, trace};
use process_pool::{Builder, Slice};
use records::{DataArguments, Record, touch_free_memory};
use serde::Serialize;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// The records in this process's own memory, where `copies` of them fit.
///
/// # Errors
///
/// See [`DataArguments::open`].
pub fn load(arguments: &DataArguments, copies: f64) -> Result<Slice<Record>, records::Error> {
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

// ANCHOR: memory
/// Whether the memory that is free has been touched a moment ago.
#[derive(Clone, Copy)]
pub enum FreeMemory {
    /// It has: a virtual machine still has it from its host.
    Warm,
    /// Not for five seconds: a host that takes back what its machines do not use has
    /// had the time to.
    Cold,
}

impl FreeMemory {
    /// Brings it about for `bytes` of it.
    ///
    /// # Errors
    ///
    /// Where there are not as many.
    pub fn prepare(self, bytes: usize) -> io::Result<()> {
        match self {
            Self::Warm => {
                touch_free_memory(bytes)?;
                trace!("Touched {} MB of free memory.", mebibytes(bytes as u64));
            }
            Self::Cold => {
                sleep(Duration::from_secs(5));
                trace!("Left the free memory alone for five seconds.");
            }
        }
        Ok(())
    }
}
// ANCHOR_END: memory

// ANCHOR: pool
/// Starts the pool, has it do `task` with each part, and adds up the results.
/// [`ready`] must be registered.
///
/// # Errors
///
/// The pool's, of its start or of the first task that failed.
pub fn sum_in_workers<A: Serialize + serde::de::DeserializeOwned>(
    pool: Builder,
    task: impl Fn(A) -> f64 + Copy + 'static,
    parts: impl Iterator<Item = A>,
) -> Result<f64, process_pool::Error> {
    mark("starting");
    let pool = pool.initializer(ready).start()?;
    trace!("Scheduling tasks... {}", MemoryUsage::now());
    let tasks: Vec<_> = parts
        .map(|part| pool.submit(task, part))
        .collect::<Result<_, _>>()?;
    trace!("Waiting for results... {}", MemoryUsage::now());
    mark("waiting");
    tasks.into_iter().map(|task| task.wait()).sum()
}

/// Each worker's first line, from which its next one counts.
pub fn ready() {
    trace!("Ready");
}
// ANCHOR_END: pool

// ANCHOR: passes
/// Seconds that a sum takes, over and over again on the same data.
pub struct Passes {
    /// Of the first pass alone.
    pub first_s: f64,
    /// The least, the median and the most of the passes after it.
    pub warm_s: [f64; 3],
    /// What every pass found.
    pub total_sum: f64,
}

/// Times `sum`, once and then [`WARM_PASSES`] times.
pub fn passes(sum: impl Fn() -> f64) -> Passes {
    let timed = || {
        let start = Instant::now();
        let total_sum = sum();
        (start.elapsed().as_secs_f64(), total_sum)
    };
    let (first_s, total_sum) = timed();
    let mut warm_s = [(); WARM_PASSES].map(|()| {
        let (pass_s, again) = timed();
        assert_eq!(again, total_sum, "one data, one sum");
        pass_s
    });
    warm_s.sort_by(f64::total_cmp);
    let [least, _, median, _, most] = warm_s;
    Passes {
        first_s,
        warm_s: [least, median, most],
        total_sum,
    }
}

/// An odd number, so that one pass is in the middle.
pub const WARM_PASSES: usize = 5;
// ANCHOR_END: passes

/// Prints the time since `start` and the sum. The timer contains the start of the
/// workers, the sums and the workers' end; not the loading.
pub fn report(start: Instant, total_sum: f64) {
    let total_time_s = start.elapsed().as_secs_f64();
    mark("ended");
    trace!("{}", MemoryUsage::now());
    trace!("total_time_s={total_time_s:.3} total_sum={total_sum}");
}
