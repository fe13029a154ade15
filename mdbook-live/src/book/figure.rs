//! Numbers that can be read from a run: those that `runs.toml` names, and those built in.

use std::str::FromStr;

use anyhow::bail;
use regex::Regex;
#[cfg(test)]
use schemars::JsonSchema;
use serde::Deserialize;

/// A figure that is built in: its name, and what it says.
type BuiltIn = (&'static str, &'static str);

/// The figure that every run has.
pub const WALL_S: &str = "wall_s";

/// What every run has.
pub(crate) const OF_TIME: [BuiltIn; 1] =
    [(WALL_S, "The seconds from the start of the run to its exit.")];

/// The peaks of a run's process tree's memory, where that was sampled.
pub(crate) const OF_MEMORY: [BuiltIn; 4] = [
    (
        "tree_peak",
        "The peak of the memory of all its processes, in MiB.",
    ),
    ("tree_peak_anon", "That of their anonymous memory."),
    ("tree_peak_file", "That of their page cache."),
    ("tree_peak_shmem", "That of their shared memory."),
];

/// What the processes of a run did, where they were observed.
pub(crate) const OF_ACCOUNT: [BuiltIn; 12] = [
    (
        "tree_processes",
        "The processes of the run, its main process included.",
    ),
    ("tree_alive", "The most of them that are alive at one time."),
    (
        "tree_depth",
        "Their generations: 1 where the main process starts no other.",
    ),
    (
        "tree_programs",
        "The programs that they execute, that of the main process included. A fork executes none.",
    ),
    (
        "tree_threads",
        "The threads that they start, beside the first of each process.",
    ),
    (
        "tree_written",
        "The bytes that they write by write(2) and its kin: to pipes, files and terminals. What \
         send(2) moves through a socket is not among them, nor what is copied in shared memory.",
    ),
    (
        "tree_read",
        "The bytes that they read by read(2) and its kin, without those of recv(2).",
    ),
    ("tree_faults", "Their page faults that need no disk."),
    (
        "tree_private",
        "The private memory that they have at their ends, each at its own, in MiB: pages that \
         were written to, that no other process has, of mappings that are not shared. What a \
         process has given back before is not among them, and is in `most_resident` and in \
         `tree_peak_anon`.",
    ),
    (
        "most_private",
        "The most of that memory that one of them has, in MiB.",
    ),
    (
        "most_resident",
        "The most memory that one of them has resident at one time, in MiB, shared pages included.",
    ),
    (
        "most_descriptors",
        "The most descriptors that one of them has open at its end.",
    ),
];

/// The names of the figures that are built in.
pub fn built_in<'a>() -> impl Iterator<Item = &'a str> {
    let figures = OF_TIME.into_iter().chain(OF_MEMORY).chain(OF_ACCOUNT);
    figures.map(|(name, _)| name)
}

/// Whether a figure is one of these.
fn is_of(figures: &[BuiltIn], name: &str) -> bool {
    figures.iter().any(|(known, _)| *known == name)
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
#[cfg_attr(test, derive(JsonSchema, serde::Serialize))]
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
    is_of(&OF_MEMORY, name)
}

/// Whether a figure is read from the account of a run's processes.
pub fn is_of_account(name: &str) -> bool {
    is_of(&OF_ACCOUNT, name)
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
