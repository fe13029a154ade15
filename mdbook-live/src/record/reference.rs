//! What another program printed for the same run, recorded beside it.

use anyhow::{Context, Result};

use crate::book::listing::RunRef;
use crate::record::line::{Event, Line, lines_of};

impl RunRef<'_> {
    /// What the notes' program printed, its lines without times.
    pub fn notes(&self) -> Result<Vec<Line>> {
        let path = self.notes_path();
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read the notes' output {}", path.display()))?;
        Ok(lines_of(&[Event { seconds: 0.0, text }]))
    }
}
