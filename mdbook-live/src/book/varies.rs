//! What differs between two runs of one program though nothing is wrong.

use regex::Regex;

/// What the comparison of two runs leaves out.
#[derive(Debug, Clone, Default)]
pub struct Varies {
    /// What is redacted where it occurs in a line.
    pub redact: Vec<Regex>,
    /// Lines that a run may print or not.
    pub ignore_lines: Vec<Regex>,
}
