//! What a run printed and when, as asciicast v2, and its memory over time.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::runs::RunRef;

/// A recorded run.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The first line of the `.cast` file.
    pub header: Header,
    /// What was printed, in order.
    pub events: Vec<Event>,
    /// The memory of the process tree; empty where it was not sampled.
    pub memory: Vec<MemorySample>,
}

/// The header of an asciicast, with one key of our own, `live`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Of the format: 2.
    pub version: u32,
    /// Columns of the terminal.
    pub width: u32,
    /// Rows of the terminal.
    pub height: u32,
    /// When the run began, in seconds since 1970.
    pub timestamp: u64,
    /// Seconds from the start to the exit.
    pub duration: f64,
    /// The run's full name.
    pub title: String,
    /// What a reader types to run the same.
    pub command: String,
    /// Empty; players expect it.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// What this tool adds.
    pub live: Live,
}

/// What the header says beyond asciicast.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Live {
    /// The machine.
    pub host: HostCard,
    /// The listing's arguments.
    pub args: Vec<String>,
    /// The exit code; 128 and the signal's number where a signal ended it.
    pub exit: i32,
    /// The hash of the sources that were run.
    pub sources: String,
}

/// The machine that made a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostCard {
    /// The processor's model.
    pub cpu: String,
    /// Logical processors online.
    pub cores: usize,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// The kernel's name and release.
    pub kernel: String,
    /// `rustc --version`.
    pub rustc: String,
    /// Transparent huge pages: `always`, `madvise`, `never` or `unknown`.
    pub thp: String,
}

/// A piece of output, at most one line, with the time when it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Seconds since the start.
    pub seconds: f64,
    /// The text; a line ends with `\n`.
    pub text: String,
}

/// One line of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct TimedLine {
    /// When its end was read, in seconds since the start.
    pub seconds: f64,
    /// The line with its colours, without its line end.
    pub raw: String,
    /// The line without ANSI escapes.
    pub text: String,
}

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
}

impl Record {
    /// The run's record; `None` where it has not been recorded yet.
    pub fn load(run: RunRef<'_>) -> Result<Option<Record>> {
        let _ = run;
        todo!()
    }

    /// The lines that were printed.
    pub fn lines(&self) -> Vec<TimedLine> {
        todo!()
    }

    /// Whether the sources or the arguments have changed since.
    pub fn is_stale(&self, run: RunRef<'_>) -> Result<bool> {
        let _ = run;
        todo!()
    }
}
