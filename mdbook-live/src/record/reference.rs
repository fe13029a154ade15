//! What another program printed for the same run.

use anyhow::{Context, Result};

use crate::book::listing::RunRef;
use crate::record::files::read_if_there;
use crate::record::line::{Line, lines_of};

impl RunRef<'_> {
    /// What the reference's program printed, its lines without times; `None` where it has no
    /// output of this run.
    pub fn reference(&self) -> Result<Option<Vec<Line>>> {
        let Some(path) = self.reference_path() else {
            return Ok(None);
        };
        Ok(read_if_there(&path)?.map(|text| lines_of(&text)))
    }

    /// As [`RunRef::reference`], where there must be some.
    pub fn require_reference(&self) -> Result<Vec<Line>> {
        let path = self
            .reference_path()
            .context("expected [preprocessor.live.reference] in book.toml")?;
        self.reference()?
            .with_context(|| format!("cannot read the reference's output {}", path.display()))
    }
}
