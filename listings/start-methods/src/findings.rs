//! What an experiment found: its lines, and its row of the table.

use std::fmt;
use std::io::{self, Write};

use command_line::grouped;

/// One experiment's outcome.
pub struct Findings {
    /// A line for each thing that was measured.
    pub lines: Vec<String>,
    /// The same in short.
    pub row: Row,
}

/// A row of the table.
pub struct Row {
    /// What the row is about, in a word or two.
    pub about: &'static str,
    /// What was measured here.
    pub measured: String,
}

impl Findings {
    /// Prints the lines, then the row.
    pub fn print(&self) -> io::Result<()> {
        let lines = self.lines.join("\n");
        io::stdout().write_all(format!("{lines}\n\n{}\n", self.row).as_bytes())
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n    Measured:     {}", self.about, self.measured)
    }
}

/// Bytes as whole mebibytes.
pub fn mib(bytes: u64) -> String {
    format!("{} MiB", grouped((bytes >> 20) as usize))
}
