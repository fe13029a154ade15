//! What broke claims when their counter-runs were made: kept beside the records, so that a
//! reader sees it and nobody has to build the broken programs again.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::book::listing::Listing;
use crate::record::files::{Replacement, read_if_there, remove_if_there};

/// A claim that broke when a patch was applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenToFail {
    /// The run's name in its listing.
    pub run: String,
    /// The claim's sentence.
    pub claim: String,
    /// The patch.
    pub patch: String,
    /// What was seen then: "2 lines; not 4".
    pub seen: String,
    /// A hash of the claim's check, the patch and what the program is built from.
    pub of: String,
}

fn path(listing: &Listing) -> PathBuf {
    listing.dir.join("recorded").join("seen-to-fail.json")
}

impl SeenToFail {
    /// All of a listing; none where none were kept.
    pub fn load(listing: &Listing) -> Result<Vec<SeenToFail>> {
        let path = path(listing);
        let Some(text) = read_if_there(&path)? else {
            return Ok(Vec::new());
        };
        serde_json::from_str(&text)
            .with_context(|| format!("{}: expected what falsify writes", path.display()))
    }

    /// Keeps these for a listing, in place of what was kept.
    pub fn save(all: &[SeenToFail], listing: &Listing) -> Result<()> {
        let path = path(listing);
        if all.is_empty() {
            return remove_if_there(&path);
        }
        Replacement::of(&path, &(serde_json::to_string_pretty(all)? + "\n"))?.take_its_place()
    }
}
