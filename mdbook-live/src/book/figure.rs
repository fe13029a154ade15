//! Numbers that can be read from a run: those that `runs.toml` names, and those built in.

use std::str::FromStr;

use anyhow::{Result, bail};
use regex::Regex;
#[cfg(test)]
use schemars::JsonSchema;
use serde::Deserialize;

/// The figures that every run has: its time, and the peaks of its process
/// tree's memory where that was sampled.
pub const BUILT_IN: [&str; 5] = [
    "wall_s",
    "tree_peak",
    "tree_peak_anon",
    "tree_peak_file",
    "tree_peak_shmem",
];

/// How a figure is read from a run's lines.
#[derive(Debug, Clone)]
pub struct FigureSpec {
    /// Has exactly one capture, a number.
    pub pattern: Regex,
    /// Which of the lines that match counts.
    pub which: Match,
    /// Its unit; empty for a bare number.
    pub unit: String,
}

/// Which of several lines that match counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Match {
    /// The one printed first.
    First,
    /// The one printed last.
    #[default]
    Last,
}

/// The name of a figure: `total_time_s`, or `data-sink/fork-8 total_time_s`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct FigureName {
    /// The full name of the run; `None` is the run at hand.
    pub run: Option<String>,
    /// The figure's own name.
    pub figure: String,
}

impl FromStr for FigureName {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<FigureName> {
        match text.split_whitespace().collect::<Vec<_>>()[..] {
            [figure] if !figure.contains('/') => Ok(FigureName {
                run: None,
                figure: figure.to_owned(),
            }),
            [run, figure] if run.contains('/') => Ok(FigureName {
                run: Some(run.to_owned()),
                figure: figure.to_owned(),
            }),
            _ => bail!("expected FIGURE or LISTING/RUN FIGURE, found `{text}`"),
        }
    }
}

impl TryFrom<String> for FigureName {
    type Error = anyhow::Error;

    fn try_from(text: String) -> Result<FigureName> {
        text.parse()
    }
}

/// Whether a figure is read from the memory samples.
pub fn is_of_memory(name: &str) -> bool {
    name != "wall_s" && BUILT_IN.contains(&name)
}
