//! What the book claims of a run, and whether the run bears it out.

use regex::Regex;

use crate::figures::{FigureName, FigureSource};

/// A sentence of the book with the one check that decides it.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The sentence, as the book says it.
    pub says: String,
    /// Who says it.
    pub by: By,
    /// What qualifies the outcome, shown after it: "holds when every worker is up".
    pub verdict: Option<String>,
    /// At which size the claim is checked.
    pub size: ClaimSize,
    /// What decides it.
    pub check: Check,
}

/// Who makes a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The notes that the book goes back to.
    Notes,
    /// The book itself.
    Book,
}

/// At which size a claim is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimSize {
    /// On quick live runs and on the record.
    Any,
    /// On the record alone: its figures need the real size.
    Recorded,
}

/// One check of a run's lines or figures.
#[derive(Debug, Clone)]
pub enum Check {
    /// Exactly `is` lines match `of`.
    Count {
        /// Which lines are counted.
        of: Regex,
        /// How many there must be; at least 1.
        is: usize,
    },
    /// At least two processes print the capture, and all print one value.
    Same(Regex),
    /// At least two processes print the capture; each has one value of its own.
    Distinct(Regex),
    /// Every line that matches `of` contains the text; at least one line matches.
    Every {
        /// Which lines are looked at.
        of: Regex,
        /// What each of them contains.
        contains: String,
    },
    /// No line that matches `among` matches `of`; at least one line matches `among`.
    Never {
        /// What none of them may match.
        of: Regex,
        /// Which lines are looked at.
        among: Regex,
    },
    /// The quotient of two figures lies within bounds.
    Ratio {
        /// The dividend, a figure of this run.
        of: FigureName,
        /// The divisor, a figure of this run or of another.
        to: FigureName,
        /// Where the quotient must lie.
        bound: Bound,
    },
}

/// Where a quotient must lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound {
    /// Exactly this value: for figures that are integers, without rounding.
    Is(f64),
    /// Between two bounds, each included; at least one is there.
    Between {
        /// Not less than this.
        at_least: Option<f64>,
        /// Not more than this.
        at_most: Option<f64>,
    },
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the claim holds.
    pub holds: bool,
    /// What was seen: "4 of 4 lines", "3.9 (1.90 s / 0.49 s)".
    pub seen: String,
}

/// A run's lines as checks read them: without ANSI escapes and line ends.
#[derive(Debug, Clone, Default)]
pub struct Lines(Vec<String>);

impl Check {
    /// Decides the check on a run's lines and figures.
    pub fn judge(&self, lines: &Lines, figures: &dyn FigureSource) -> Verdict {
        let _ = (lines, figures);
        todo!()
    }

    /// Why the check cannot be decided yet though nothing is wrong: the other
    /// run that it needs has no record, or was skipped. `None`: it can.
    pub fn open_question(&self, figures: &dyn FigureSource) -> Option<String> {
        let _ = figures;
        todo!()
    }
}
