//! What differs between two runs of one program though nothing is wrong.

use regex::Regex;

/// What varies by nature between two runs of one listing.
#[derive(Debug, Clone, Default)]
pub struct Varies {
    /// What is masked where it stands in a line.
    pub masked: Vec<Regex>,
    /// Lines that a run may print or not, left out of the comparison.
    pub incidental: Vec<Regex>,
}
