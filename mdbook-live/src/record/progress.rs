//! How far a reader has come with the exercises: kept among what is built, since it is the
//! reader's alone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::record::files::{Replacement, read_if_there};

/// What came of the latest attempt at each exercise, by `LISTING/EXERCISE`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Progress {
    by_name: BTreeMap<String, Latest>,
}

/// The latest attempt at an exercise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latest {
    /// Whether it solved it.
    pub solved: bool,
    /// How many checks held.
    pub held: usize,
    /// Of how many.
    pub of: usize,
}

impl Progress {
    fn path(root: &Path) -> PathBuf {
        root.join("target/exercises.json")
    }

    /// The progress in the book at `root`; none where nothing was attempted.
    ///
    /// # Errors
    ///
    /// When the file is there and cannot be read.
    pub fn load(root: &Path) -> Result<Progress> {
        let path = Progress::path(root);
        let Some(text) = read_if_there(&path)? else {
            return Ok(Progress::default());
        };
        serde_json::from_str(&text).with_context(|| {
            format!(
                "{}: expected what exercise writes; without the file no exercise counts as tried",
                path.display()
            )
        })
    }

    /// The latest attempt at that exercise.
    pub fn of(&self, exercise: &str) -> Option<&Latest> {
        self.by_name.get(exercise)
    }

    /// Keeps an attempt beside those of the other exercises.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or written.
    pub fn keep(root: &Path, exercise: &str, latest: Latest) -> Result<()> {
        let mut progress = Progress::load(root)?;
        progress.by_name.insert(exercise.to_owned(), latest);
        let text = serde_json::to_string_pretty(&progress)? + "\n";
        Replacement::of(&Progress::path(root), &text)?.take_its_place()
    }
}
