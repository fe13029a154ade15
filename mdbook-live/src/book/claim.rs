//! What the book claims of a run.

use regex::Regex;

use crate::book::counter_run::CounterRun;
use crate::book::figure::FigureName;

/// A sentence of the book with the one check that decides it.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The sentence, as the book says it.
    pub says: String,
    /// Its line in `runs.toml`.
    pub line: usize,
    /// What qualifies the outcome, shown after it: "holds when every worker is up".
    pub note: Option<String>,
    /// What helps a reader on whose version of the program it breaks.
    pub hint: Option<String>,
    /// What the claim is checked on.
    pub on: On,
    /// What it decides of the reference, if anything.
    pub reference: Option<AboutReference>,
    /// Under what it breaks.
    pub broken_by: Vec<CounterRun>,
    /// What decides it.
    pub check: Check,
}

/// What a claim decides of the reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AboutReference {
    /// What the reference says, shows or leaves out; `None`: the claim's own sentence is said.
    pub says: Option<String>,
    /// Whether it says so in words; else its outputs show it.
    pub in_words: bool,
    /// What becomes of that where the claim comes out as the book says.
    pub becomes: Becomes,
}

/// What becomes of a statement of the reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Becomes {
    /// It holds, under a condition that the reference does not name where there is one.
    Holds {
        /// The condition: "every worker is up".
        when: Option<String>,
    },
    /// It does not hold.
    DoesNotHold,
    /// The reference leaves it out.
    LeftOut,
}

impl Claim {
    /// What of the reference this claim decides; `None` where it is the book's own alone.
    pub fn of_reference(&self) -> Option<&str> {
        let about = self.reference.as_ref()?;
        Some(about.says.as_deref().unwrap_or(&self.says))
    }

    /// Whether the sentence is the reference's and not the book's own.
    pub fn is_of_reference(&self) -> bool {
        let about = self.reference.as_ref();
        about.is_some_and(|about| about.says.is_none())
    }

    /// Whether the book says that the check fails: a sentence of the reference that it refutes.
    pub fn is_refuted(&self) -> bool {
        let about = self.reference.as_ref();
        about.is_some_and(|about| about.says.is_none() && about.becomes == Becomes::DoesNotHold)
    }

    /// The condition under which a statement of the reference holds.
    pub fn condition(&self) -> Option<&str> {
        match &self.reference.as_ref()?.becomes {
            Becomes::Holds { when } => when.as_deref(),
            Becomes::DoesNotHold | Becomes::LeftOut => None,
        }
    }
}

/// What a claim is checked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// Live runs, and the record.
    Any,
    /// The record alone: its figures need the real size.
    Record,
    /// The reference's text: it is a claim about the reference.
    Reference,
}

/// One check of a run's lines or figures.
#[derive(Debug, Clone)]
pub enum Check {
    /// So many lines match, or so many different values are captured.
    Count {
        /// What is counted.
        of: Counted,
        /// How many there must be; at least 1.
        bound: Bound,
    },
    /// At least two processes print the capture, and all print one value.
    Same(ByProcess),
    /// At least two processes print the capture; each has one value of its own.
    Distinct(ByProcess),
    /// Every line that matches `lines` matches `contains`; there is at least one.
    Every {
        /// Which lines are looked at.
        lines: Regex,
        /// What each of them contains.
        contains: Regex,
    },
    /// No line that matches `lines` matches `contain`; there is at least one.
    Never {
        /// Which lines are looked at.
        lines: Regex,
        /// What none of them may contain.
        contain: Regex,
    },
    /// A figure lies within bounds.
    Value {
        /// A figure of this run.
        figure: FigureName,
        /// Where it must lie.
        bound: Bound,
        /// Where it must lie at the quick size, where that is another.
        quick: Option<Bound>,
    },
    /// The quotient of two figures lies within bounds.
    Ratio {
        /// The dividend, a figure of this run.
        figure: FigureName,
        /// The divisor, a figure of this run or of another.
        to: FigureName,
        /// Where the quotient must lie.
        bound: Bound,
    },
}

impl Check {
    /// The figures that it names.
    pub fn figures(&self) -> Vec<&FigureName> {
        match self {
            Check::Ratio { figure, to, .. } => vec![figure, to],
            Check::Value { figure, .. } => vec![figure],
            _ => Vec::new(),
        }
    }
}

/// What a check counts.
#[derive(Debug, Clone)]
pub enum Counted {
    /// The lines that match.
    Lines(Regex),
    /// The different values of the one capture.
    Values(Regex),
}

/// A value that several processes print.
#[derive(Debug, Clone)]
pub struct ByProcess {
    /// Has exactly one capture: the value.
    pub value: Regex,
    /// Has exactly one capture: the process of a line.
    pub process: Regex,
}

/// Where a number must lie.
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
