//! What differs between two runs of one program though nothing is wrong.

use regex::Regex;

use crate::book::figure::Tolerance;

/// What the comparison of two runs leaves out.
#[derive(Debug, Clone, Default)]
pub struct Varies {
    /// What is redacted where it occurs in a line.
    pub redact: Vec<Regex>,
    /// Lines that a run may print or not.
    pub ignore_lines: Vec<Regex>,
    /// Numbers that may differ so far: the one capture of each pattern.
    pub near: Vec<(Regex, Tolerance)>,
    /// Has one capture: the process of a line. `None`: they are all of one.
    pub process: Option<Regex>,
}
