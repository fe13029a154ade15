//! What an experiment found: its lines, and its row of the table.

use std::fmt;

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
    /// What the row is about, as in the notes' table.
    pub about: &'static str,
    /// What the notes say of fork, in short.
    pub fork: &'static str,
    /// What the notes say of spawn, in short.
    pub spawn: &'static str,
    /// What was measured here.
    pub measured: String,
    /// What became of it.
    pub verdict: Verdict,
}

/// What became of a conclusion.
pub enum Verdict {
    /// As the notes say.
    Holds,
    /// Under a condition that the notes do not name.
    HoldsWhen(&'static str),
    /// Not as the notes say: as it is.
    DoesNotHold(&'static str),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Holds => f.write_str("holds"),
            Self::HoldsWhen(condition) => write!(f, "holds when {condition}"),
            Self::DoesNotHold(instead) => write!(f, "does not hold: {instead}"),
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.about)?;
        writeln!(f, "    Notes, fork:  {}", self.fork)?;
        writeln!(f, "    Notes, spawn: {}", self.spawn)?;
        writeln!(f, "    Measured:     {}", self.measured)?;
        write!(f, "    Verdict:      {}", self.verdict)
    }
}

/// Bytes as whole mebibytes.
pub fn mib(bytes: u64) -> String {
    format!("{} MiB", grouped((bytes >> 20) as usize))
}
