//! Numbers that can be read from a run: those that `runs.toml` names, and those built in.

use std::str::FromStr;

use anyhow::bail;
use regex::Regex;
#[cfg(test)]
use schemars::JsonSchema;
use serde::Deserialize;

/// The figure that every run has.
pub const WALL_S: &str = "wall_s";

/// The peaks of a run's process tree's memory, where that was sampled.
const OF_MEMORY: [&str; 4] = [
    "tree_peak",
    "tree_peak_anon",
    "tree_peak_file",
    "tree_peak_shmem",
];

/// What the processes of a run did, where they were observed.
const OF_ACCOUNT: [&str; 12] = [
    "tree_processes",
    "tree_alive",
    "tree_depth",
    "tree_programs",
    "tree_threads",
    "tree_written",
    "tree_read",
    "tree_faults",
    "tree_private",
    "most_private",
    "most_resident",
    "most_descriptors",
];

/// The names of the figures that are built in.
pub fn built_in<'a>() -> impl Iterator<Item = &'a str> {
    [WALL_S].into_iter().chain(OF_MEMORY).chain(OF_ACCOUNT)
}

/// How a figure is read from a run's lines.
#[derive(Debug, Clone)]
pub struct FigureSpec {
    /// Has exactly one capture, a number.
    pub pattern: Regex,
    /// Which of the lines that match counts.
    pub which: Match,
    /// Its unit; empty for a bare number.
    pub unit: String,
    /// How far a live run may be from its record; `None`: where it is not redacted, it has to
    /// be the same.
    pub within: Option<Tolerance>,
}

/// How far two numbers may be apart: `×3 ± 0.5`.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub struct Tolerance {
    /// Up to so many times as much, or as little; 1 or more.
    pub factor: f64,
    /// And so much more, or less.
    pub plus: f64,
}

impl Tolerance {
    /// Whether `live` is near enough to `recorded`.
    pub fn allows(self, live: f64, recorded: f64) -> bool {
        let (low, high) = (recorded.min(live), recorded.max(live));
        high <= low * self.factor + self.plus
    }
}

impl FromStr for Tolerance {
    type Err = String;

    fn from_str(text: &str) -> Result<Tolerance, String> {
        let wrong = || format!("expected \"×3\", \"± 0.5\" or \"×3 ± 0.5\", found `{text}`");
        let (factor, plus) = text.split_once('±').unwrap_or((text, "0"));
        let number = |text: &str| {
            text.trim()
                .parse::<f64>()
                .ok()
                .filter(|number| *number >= 0.0)
        };
        let factor = match factor.trim() {
            "" if text.contains('±') => Some(1.0),
            factor => factor.strip_prefix('×').and_then(number),
        };
        match (factor, number(plus)) {
            (Some(factor), Some(plus)) if factor >= 1.0 && factor.is_finite() => {
                Ok(Tolerance { factor, plus })
            }
            _ => Err(wrong()),
        }
    }
}

impl TryFrom<String> for Tolerance {
    type Error = String;

    fn try_from(text: String) -> Result<Tolerance, String> {
        text.parse()
    }
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

    fn from_str(text: &str) -> anyhow::Result<FigureName> {
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

    fn try_from(text: String) -> anyhow::Result<FigureName> {
        text.parse()
    }
}

/// Whether a figure is read from the memory samples.
pub fn is_of_memory(name: &str) -> bool {
    OF_MEMORY.contains(&name)
}

/// Whether a figure is read from the account of a run's processes.
pub fn is_of_account(name: &str) -> bool {
    OF_ACCOUNT.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tolerance_is_a_factor_a_distance_or_both() {
        let of = |text: &str| text.parse::<Tolerance>();
        let is = |factor, plus| Ok(Tolerance { factor, plus });
        assert_eq!(of("×3"), is(3.0, 0.0));
        assert_eq!(of("± 0.5"), is(1.0, 0.5));
        assert_eq!(of("×1.5 ± 2"), is(1.5, 2.0));
        for wrong in ["", "3", "×0.5", "±", "×", "x3", "×3 ± -1"] {
            assert!(
                of(wrong).is_err_and(|error| error.contains("expected")),
                "{wrong}"
            );
        }
    }

    #[test]
    fn ten_times_is_a_difference_in_both_directions() {
        let three = Tolerance {
            factor: 3.0,
            plus: 0.5,
        };
        assert!(three.allows(3.5, 1.0) && three.allows(1.0, 3.5));
        assert!(!three.allows(10.0, 1.0) && !three.allows(1.0, 10.0));
        assert!(three.allows(0.4, 0.0) && !three.allows(0.6, 0.0));
    }
}
