//! The memory of a run's processes over time, and the CSV file that keeps it.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

/// The memory of one process at one time, in KiB.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemorySample {
    /// Seconds since the start, equal for all processes of one sample.
    pub seconds: f64,
    /// The name that the kernel has for the process (`/proc/PID/comm`).
    pub process: String,
    /// 0 for the run's first process, then 1, 2, … in order of appearance.
    #[serde(rename = "pid_ordinal")]
    pub ordinal: usize,
    /// Proportional set size: private pages, and each shared page divided by its sharers.
    pub pss_kib: u64,
    /// The anonymous part of the PSS.
    pub anon_kib: u64,
    /// The part of the PSS that is page cache of files.
    pub file_kib: u64,
    /// The part of the PSS that is shared memory (tmpfs, memfd).
    pub shmem_kib: u64,
    /// Pages written to that no other process has.
    pub private_dirty_kib: u64,
    /// Shared memory that this process holds open and that no process of the tree
    /// maps: it is in nobody's PSS. The first of several holders has it all.
    pub unmapped_kib: u64,
}

/// The memory of a process tree at one time, in KiB: every page once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TreeMemory {
    /// Seconds since the start.
    pub seconds: f64,
    /// How many processes there were.
    pub processes: usize,
    /// Their PSS, and the shared memory that none of them maps.
    pub total_kib: u64,
    /// The anonymous part of it.
    pub anon_kib: u64,
    /// Shared memory, mapped or only held open.
    pub shmem_kib: u64,
    /// The part that is page cache of files.
    pub file_kib: u64,
}

impl TreeMemory {
    /// The tree's memory at the time of each sample, in order of time.
    pub fn over_time(samples: &[MemorySample]) -> impl DoubleEndedIterator<Item = TreeMemory> {
        samples.chunk_by(|a, b| a.seconds == b.seconds).map(|tree| {
            let sum = |part: fn(&MemorySample) -> u64| tree.iter().map(part).sum();
            TreeMemory {
                seconds: tree[0].seconds,
                processes: tree.len(),
                total_kib: sum(|process| process.pss_kib + process.unmapped_kib),
                anon_kib: sum(|process| process.anon_kib),
                shmem_kib: sum(|process| process.shmem_kib + process.unmapped_kib),
                file_kib: sum(|process| process.file_kib),
            }
        })
    }
}

/// Above any machine's memory, in KiB: sums over a process tree stay far from overflow.
const MOST_KIB: u64 = 1 << 40;

/// The samples as a CSV file, its first row the names of the columns.
pub(super) fn to_csv(samples: &[MemorySample]) -> Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for sample in samples {
        writer.serialize(sample)?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}

/// The samples of such a file.
///
/// # Errors
///
/// When a row is not a sample; the error names the file and the line.
pub(super) fn from_csv(path: &Path, text: &str) -> Result<Vec<MemorySample>> {
    let mut samples = Vec::new();
    for (row, sample) in csv::Reader::from_reader(text.as_bytes())
        .into_deserialize::<MemorySample>()
        .enumerate()
    {
        let at = || format!("{}:{}: expected a sample", path.display(), row + 2);
        let sample = sample.with_context(at)?;
        let kib = [
            sample.pss_kib,
            sample.anon_kib,
            sample.file_kib,
            sample.shmem_kib,
            sample.private_dirty_kib,
            sample.unmapped_kib,
        ];
        if kib.iter().any(|kib| *kib >= MOST_KIB) {
            bail!("{} below a petabyte", at());
        }
        samples.push(sample);
    }
    Ok(samples)
}
