//! The runs that were made for a build of the book.

use std::collections::HashMap;

use crate::judge::evidence::Judged;
use crate::record::cast::HostCard;
use crate::record::result::RunResult;

/// Live runs at their quick size.
#[derive(Debug, Default)]
pub struct LiveRuns {
    /// The machine; `None` where none was made.
    pub host: Option<HostCard>,
    /// By their full names.
    pub runs: HashMap<String, LiveRun>,
}

/// A live run, and what the judge says of it.
#[derive(Debug)]
pub struct LiveRun {
    /// What it did.
    pub result: RunResult,
    /// Its claims, its agreement with its record.
    pub judged: Judged,
}
