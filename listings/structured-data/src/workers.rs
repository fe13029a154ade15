//! A pool of workers that all take one table by one way, and what they say.

use std::time::{Duration, Instant};

use process_pool::{Builder, Descriptor, Pool, StartMethod, Task};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Result;
use crate::meeting::Host;
use crate::request::SECTIONS;
use crate::worker::{Job, Report, begins, present};

/// Long enough for any table that fits; one worker that is lost must not keep the others
/// waiting for ever.
const DEADLINE: Duration = Duration::from_secs(60);

/// What the workers of one way say together.
pub struct Summary {
    /// From the first call until each worker has the table.
    pub ready: Duration,
    /// The most of any worker, in bytes. See [`Report`].
    pub heap: usize,
    /// Likewise.
    pub private_dirty: usize,
    /// Of all workers together, in bytes.
    pub proportional: usize,
    /// Of each worker, the same for all.
    pub arrays: Option<(usize, usize)>,
    /// Milliseconds, all answers added up.
    pub waited: f64,
}

/// Starts workers, has each take the table in `file` by `task`, and asks each a question.
///
/// # Errors
///
/// The pool's, or the first that a worker reports.
pub fn ask<F, A>(
    workers: usize,
    file: &Descriptor,
    task: F,
    argument: impl Fn(Job) -> A,
) -> Result<Summary>
where
    F: Fn(A) -> std::result::Result<Report, String> + Copy + 'static,
    A: Serialize + DeserializeOwned,
{
    let pool = spawned().workers(workers).start()?;
    let here = Host::new()?;
    let tasks = submit(&pool, present, (0..workers).map(|_| here.meeting()))?;
    let gathered = here.gather(workers);
    for task in tasks {
        task.wait()??;
    }
    gathered?;

    let [ready, answered, measured] = [Host::new()?, Host::new()?, Host::new()?];
    let jobs = SECTIONS.iter().cycle().take(workers).map(|section| Job {
        file: file.clone(),
        section: (*section).to_owned(),
        ready: ready.meeting(),
        answered: answered.meeting(),
        measured: measured.meeting(),
    });
    let arguments: Vec<A> = jobs.map(argument).collect();
    let start = Instant::now();
    let tasks = submit(&pool, task, arguments)?;
    let gathered = ready.gather(workers);
    let ready = start.elapsed();
    let gathered = gathered
        .and_then(|()| answered.gather(workers))
        .and_then(|()| measured.gather(workers));
    let mut reports = Vec::with_capacity(workers);
    for task in tasks {
        // What a worker says is worth more than that it did not come.
        reports.push(task.wait()??);
    }
    gathered?;
    Ok(summary(ready, &reports))
}

fn submit<F, A, R>(
    pool: &Pool,
    task: F,
    arguments: impl IntoIterator<Item = A>,
) -> process_pool::Result<Vec<Task<R>>>
where
    F: Fn(A) -> R + Copy + 'static,
    A: Serialize + DeserializeOwned,
    R: DeserializeOwned,
{
    arguments
        .into_iter()
        .map(|argument| pool.submit(task, argument))
        .collect()
}

fn summary(ready: Duration, reports: &[Report]) -> Summary {
    let most = |of: fn(&Report) -> usize| reports.iter().map(of).max().unwrap_or_default();
    Summary {
        ready,
        heap: most(|report| report.heap),
        private_dirty: most(|report| report.private_dirty),
        proportional: reports.iter().map(|report| report.proportional).sum(),
        arrays: reports.first().and_then(|report| report.arrays),
        waited: reports.iter().map(|report| report.waited).sum(),
    }
}

fn spawned() -> Builder {
    Pool::builder(StartMethod::Spawn)
        .initializer(begins)
        .deadline(DEADLINE)
        .without_replacement()
}
