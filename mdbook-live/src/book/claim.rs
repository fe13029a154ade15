//! What the book claims of a run.

use regex::Regex;

use crate::book::figure::FigureName;

/// A sentence of the book with the one check that decides it.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The sentence, as the book says it.
    pub says: String,
    /// Who says it.
    pub by: By,
    /// What qualifies the outcome, shown after it: "holds when every worker is up".
    pub verdict: Option<String>,
    /// What the claim is checked on.
    pub on: On,
    /// Whether the book says that the claim does not hold: a conclusion that it
    /// refutes. What is wrong then is a check that comes out well.
    pub refuted: bool,
    /// The condition, which the notes do not name, under which it holds: "every worker is up".
    pub when: Option<String>,
    /// What the notes say of this, or leave out, where `says` is the book's own sentence.
    pub statement: Option<Statement>,
    /// What decides it.
    pub check: Check,
}

/// What the notes say or leave out, in a short sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The sentence.
    pub text: String,
    /// Whether they leave it out.
    pub left_out: bool,
}

impl Claim {
    /// What of the notes this claim decides; `None` where it is the book's own alone.
    pub fn of_the_notes(&self) -> Option<&str> {
        match (&self.statement, self.by) {
            (Some(statement), _) => Some(&statement.text),
            (None, By::Notes) => Some(&self.says),
            (None, By::Book) => None,
        }
    }
}

/// Who makes a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The notes that the book goes back to.
    Notes,
    /// The book itself.
    Book,
}

/// What a claim is checked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// Live runs, and the record.
    Any,
    /// The record alone: its figures need the real size.
    Record,
    /// What the notes' program printed: it is a claim about the notes.
    Notes,
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
