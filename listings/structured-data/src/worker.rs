//! What a worker is asked about the table, and what it says about its own memory.

use std::fmt::Display;
use std::ops::Range;
use std::sync::OnceLock;

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use mem_trace::MemoryUsage;
use process_pool::Descriptor;
use serde::{Deserialize, Serialize};

use crate::columns::{self, Care, rows, within};
use crate::meeting::Meeting;
use crate::request::waited;

/// What a worker is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Job {
    /// The table, in the form that the way needs.
    pub file: Descriptor,
    /// Which part of the service the question is about.
    pub section: String,
    /// When all workers have the table.
    pub ready: Meeting,
    /// When all have their answers.
    pub answered: Meeting,
    /// When all have looked at their memory.
    pub measured: Meeting,
}

/// What a worker has to say: its answer, and bytes beyond those with which it began.
#[derive(Debug, Serialize, Deserialize)]
pub struct Report {
    /// What [`waited`] says.
    pub waited: f64,
    /// What the allocator has handed out.
    pub heap: usize,
    /// Pages that are written and this worker's alone (proc(5), `Private_Dirty`).
    pub private_dirty: usize,
    /// The worker's share of all its pages (proc(5), `Pss`).
    pub proportional: usize,
    /// How many of the table's arrays lie in the mapping of its file, and how many there are.
    pub arrays: Option<(usize, usize)>,
}

static BEGIN: OnceLock<MemoryUsage> = OnceLock::new();

/// Called in each worker before its first task.
pub fn begins() {
    BEGIN.get_or_init(MemoryUsage::now);
}

/// The first task of each worker: all are there.
///
/// # Errors
///
/// In words, since they travel: where the pool's process has ended.
pub fn present(meeting: Meeting) -> Result<(), String> {
    meeting.attend().map_err(in_words)
}

/// Waits until all workers have the table, answers, and looks at this worker's memory while
/// all of them still hold what they have.
///
/// # Errors
///
/// In words: where the pool's process has ended, or there is no answer.
pub fn report(
    job: Job,
    arrays: Option<(usize, usize)>,
    answer: impl FnOnce(&str) -> Result<f64, String>,
) -> Result<Report, String> {
    // ANCHOR: report
    job.ready.attend().map_err(in_words)?;
    let waited = answer(&job.section)?;
    job.answered.attend().map_err(in_words)?;
    let [now, begin] = [MemoryUsage::now(), *BEGIN.get_or_init(MemoryUsage::now)];
    let grown = |now: Option<u64>, begin: Option<u64>| {
        let grown = now.zip(begin).map(|(now, begin)| now.saturating_sub(begin));
        grown.ok_or("this system does not tell the memory of a process") // proc(5)
    };
    let report = Report {
        waited,
        heap: now.allocated.saturating_sub(begin.allocated),
        private_dirty: grown(now.private_dirty, begin.private_dirty)? as usize,
        proportional: grown(now.proportional, begin.proportional)? as usize,
        arrays,
    };
    // A page of which one worker lets go is more of the others'.
    job.measured.attend().map_err(in_words)?;
    Ok(report)
    // ANCHOR_END: report
}

/// The same by an Arrow file that lies in `file`, a part of the mapping `map`, where it is one.
///
/// # Errors
///
/// In words: where it is no such file, or one that `care` refuses.
///
/// # Safety
///
/// That of [`columns::batches`].
pub unsafe fn arrow(
    job: Job,
    file: &Buffer,
    map: Option<Range<*const u8>>,
    care: Care,
) -> Result<Report, String> {
    // SAFETY: the caller's.
    let batches = unsafe { columns::batches(file, care) }.map_err(in_words)?;
    let arrays = map.map(|map| within(&batches, &map));
    report(job, arrays, |section| sum(section, &batches))
}

fn sum(section: &str, batches: &[RecordBatch]) -> Result<f64, String> {
    let sums = batches
        .iter()
        .map(|batch| Ok(waited(section, rows(batch).map_err(in_words)?)));
    sums.sum()
}

/// As errors travel.
pub fn in_words(error: impl Display) -> String {
    error.to_string()
}
