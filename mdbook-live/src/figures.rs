//! Numbers read from a run: what `runs.toml` names, and what is built in.

use std::fmt;

use anyhow::Result;
use regex::Regex;

use crate::record::Record;
use crate::runs::{Book, RunRef};

/// How a figure is read from a run's lines: the last line that matches counts.
#[derive(Debug, Clone)]
pub struct FigureSpec {
    /// Has exactly one capture, a number.
    pub pattern: Regex,
    /// Its unit; empty for a bare number.
    pub unit: String,
}

/// A figure's value.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// The number.
    pub value: f64,
    /// The number as printed.
    pub text: String,
    /// Its unit; empty for a bare number.
    pub unit: String,
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        if !self.unit.is_empty() {
            write!(f, " {}", self.unit)?;
        }
        Ok(())
    }
}

/// The name of a figure: `total_time_s`, or `data-sink/fork-8 total_time_s`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FigureName {
    /// The full name of the run; `None` is the run at hand.
    pub run: Option<String>,
    /// The figure's own name.
    pub figure: String,
}

/// Where checks take figures from: a record, or the runs of this session.
pub trait FigureSource {
    /// The figure. An error says what is missing.
    fn figure(&self, name: &FigureName) -> Result<Figure>;

    /// Why the figures of that other run cannot be had though nothing is wrong.
    fn absent(&self, run: &str) -> Option<String> {
        let _ = run;
        None
    }
}

/// The figure `name` of a record.
pub fn of_record(run: RunRef<'_>, record: &Record, name: &str) -> Result<Figure> {
    let _ = (run, record, name);
    todo!()
}

/// Figures of a record, and of the other runs' records: what claims on a record need.
#[derive(Clone, Copy)]
pub struct RecordedFigures<'a> {
    /// The book that the other runs belong to.
    pub book: &'a Book,
    /// The run at hand.
    pub run: RunRef<'a>,
    /// Its record.
    pub record: &'a Record,
}

impl FigureSource for RecordedFigures<'_> {
    fn figure(&self, name: &FigureName) -> Result<Figure> {
        let _ = name;
        todo!()
    }
}
