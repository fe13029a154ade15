//! What another program printed for the same run.

use anyhow::{Context, Result};

use crate::book::listing::RunRef;
use crate::record::files::read_if_there;
use crate::record::line::{Line, lines_of};

impl RunRef<'_> {
    /// What the notes' program printed, its lines without times; `None` where they have no
    /// output of this run.
    pub fn notes(&self) -> Result<Option<Vec<Line>>> {
        let text = read_if_there(&self.notes_path())?;
        Ok(text.map(|text| lines_of(&text)))
    }

    /// As [`RunRef::notes`], where there must be some.
    pub fn require_notes(&self) -> Result<Vec<Line>> {
        let path = self.notes_path();
        self.notes()?
            .with_context(|| format!("cannot read the notes' output {}", path.display()))
    }
}
