//! The memory of a run's processes over time, and the CSV file that keeps it.

use std::path::Path;

use anyhow::{Context, Result, bail};

/// The memory of one process at one time, in KiB.
#[derive(Debug, Clone, PartialEq)]
pub struct MemorySample {
    /// Seconds since the start, equal for all processes of one sample.
    pub seconds: f64,
    /// The name that the kernel has for the process (`/proc/PID/comm`).
    pub process: String,
    /// 0 for the run's first process, then 1, 2, … in order of appearance.
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

pub(super) const MEMORY_COLUMNS: &str = "seconds,process,pid_ordinal,pss_kib,anon_kib,file_kib,shmem_kib,private_dirty_kib,unmapped_kib";

pub(super) fn parse_memory(path: &Path, text: &str) -> Result<Vec<MemorySample>> {
    let mut lines = text.lines().zip(1..);
    if lines
        .next()
        .is_none_or(|(columns, _)| columns != MEMORY_COLUMNS)
    {
        bail!(
            "{}:1: accepted is the heading {MEMORY_COLUMNS}",
            path.display()
        );
    }
    lines
        .map(|(line, number)| {
            parse_sample(line).with_context(|| {
                format!("{}:{number}: accepted is {MEMORY_COLUMNS}", path.display())
            })
        })
        .collect()
}

fn parse_sample(line: &str) -> Option<MemorySample> {
    let fields: Vec<&str> = line.split(',').collect();
    let [
        seconds,
        process,
        ordinal,
        pss,
        anon,
        file,
        shmem,
        private_dirty,
        unmapped,
    ] = fields[..]
    else {
        return None;
    };
    // A petabyte: sums over any process tree stay far from overflow.
    let kib = |text: &str| text.parse().ok().filter(|kib: &u64| *kib < 1 << 40);
    Some(MemorySample {
        seconds: seconds.parse().ok()?,
        process: process.to_owned(),
        ordinal: ordinal.parse().ok()?,
        pss_kib: kib(pss)?,
        anon_kib: kib(anon)?,
        file_kib: kib(file)?,
        shmem_kib: kib(shmem)?,
        private_dirty_kib: kib(private_dirty)?,
        unmapped_kib: kib(unmapped)?,
    })
}
