//! Counter-runs: under what a claim has to break. A claim that nobody has seen fail proves
//! nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::text::words::expected;

/// A run on which a claim has to break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CounterRun {
    /// The same run with the listing's patch of that name: `broken/NAME.patch`.
    Patch(String),
    /// Another run of the book, `LISTING/RUN`.
    Run(String),
}

impl CounterRun {
    /// `NAME`, or `LISTING/RUN`.
    pub fn name(&self) -> &str {
        match self {
            CounterRun::Patch(name) | CounterRun::Run(name) => name,
        }
    }
}

/// A change that breaks what a chapter teaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// Its file.
    pub path: PathBuf,
    /// What it does to the program, after "Seen to fail when": "half of the workers start".
    pub when: String,
    /// Unified diffs of files, their paths from the book's root.
    pub diff: String,
}

impl Patch {
    /// Reads a patch: one line of text, an empty line, and then the diff.
    fn read(path: &Path) -> Result<Patch> {
        let text = std::fs::read_to_string(path).context("cannot read it")?;
        let (when, diff) = text.split_once("\n\n").unwrap_or((&text, ""));
        ensure!(
            !when.trim().is_empty() && !when.contains('\n') && !when.starts_with("diff"),
            "expected a line that completes \"Seen to fail when\", and then an empty line"
        );
        ensure!(
            diff.lines().any(|line| line.starts_with("--- a/")),
            "expected a diff, with `--- a/` before each path from the book's root"
        );
        Ok(Patch {
            path: path.to_owned(),
            when: when.trim().trim_end_matches('.').to_owned(),
            diff: diff.to_owned(),
        })
    }
}

/// The patches of a listing's folder `broken`, by name.
///
/// # Errors
///
/// One that names the file, which is not as expected or has another extension.
pub(super) fn patches(dir: &Path) -> Result<BTreeMap<String, Patch>> {
    let folder = dir.join("broken");
    let mut patches = BTreeMap::new();
    if !folder.is_dir() {
        return Ok(patches);
    }
    for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let at = || path.display().to_string();
        let name = path.file_stem().and_then(|name| name.to_str());
        match (name, path.extension().and_then(|kind| kind.to_str())) {
            (Some(name), _) if name.starts_with('.') => {}
            (Some(name), Some("patch")) => {
                patches.insert(name.to_owned(), Patch::read(&path).with_context(at)?);
            }
            _ => bail!("{}: expected NAME.patch", at()),
        }
    }
    Ok(patches)
}

/// What a claim's `broken_by` names, where the listing has such a patch; whether there is such
/// a run is known only when all listings are read.
///
/// # Errors
///
/// When there is neither; `runs` are the names of the listing's own.
pub(super) fn named(
    text: &str,
    patches: &BTreeMap<String, Patch>,
    listing: &str,
    runs: &[String],
) -> Result<CounterRun> {
    if text.contains('/') {
        return Ok(CounterRun::Run(text.to_owned()));
    }
    let known: Vec<&str> = patches.keys().map(String::as_str).collect();
    ensure!(
        known.contains(&text) || !runs.iter().any(|run| run == text),
        "broken_by: {text} is a run of this listing; expected its whole name, {listing}/{text}"
    );
    ensure!(
        known.contains(&text),
        "broken_by: no file broken/{text}.patch; {}",
        if known.is_empty() {
            "expected a change of the program there, as a diff, or LISTING/RUN, another run"
                .to_owned()
        } else {
            expected(text, &known)
        }
    );
    Ok(CounterRun::Patch(text.to_owned()))
}
