//! The files of a listing's folder that its author wrote for its programs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// What else is in such a folder: what the tool keeps, what is built, what Python leaves.
const NO_SOURCES: [&str; 5] = ["runs.toml", "recorded", "broken", "target", "__pycache__"];

/// The files in `dir` and below it, by their paths from there. Hidden ones are none, but for
/// cargo's configuration.
///
/// # Errors
///
/// When a folder cannot be listed.
pub fn sources(dir: &Path) -> Result<BTreeSet<PathBuf>> {
    let mut files = BTreeSet::new();
    if dir.is_dir() {
        collect(dir, Path::new(""), &mut files)?;
    }
    Ok(files)
}

fn collect(dir: &Path, below: &Path, files: &mut BTreeSet<PathBuf>) -> Result<()> {
    let folder = dir.join(below);
    let at = || format!("cannot list {}", folder.display());
    for entry in std::fs::read_dir(&folder).with_context(at)? {
        let entry = entry.with_context(at)?;
        let name = entry.file_name();
        let shown = name.to_string_lossy();
        if (shown.starts_with('.') && shown != ".cargo") || NO_SOURCES.contains(&&*shown) {
            continue;
        }
        let path = entry.path();
        if path.is_dir() {
            collect(dir, &below.join(&name), files)?;
        } else if path.is_file() {
            files.insert(below.join(&name));
        }
    }
    Ok(())
}

/// Whether it is a source in Rust.
pub fn is_rust(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "rs")
}
