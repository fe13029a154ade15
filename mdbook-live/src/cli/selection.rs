//! Which book, and which of its runs.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::exit_status::UsageError;
use crate::book::listing::{Book, RunRef};

/// The folder that was named, or the nearest one upwards that has a `book.toml`.
pub(super) fn book_root(given: Option<PathBuf>) -> Result<PathBuf> {
    match given {
        Some(root) if root.join("book.toml").is_file() => root
            .canonicalize()
            .with_context(|| format!("cannot find {}", root.display())),
        Some(root) => {
            let message = format!(
                "--root {}: expected a folder with a book.toml",
                root.display()
            );
            Err(UsageError(message).into())
        }
        None => {
            let here = std::env::current_dir().context("cannot tell the working directory")?;
            Book::find_root(&here).map_err(|error| UsageError(error.to_string()).into())
        }
    }
}

/// The runs with those names, or all.
pub(super) fn chosen<'b>(book: &'b Book, names: &[String]) -> Result<Vec<RunRef<'b>>> {
    if names.is_empty() {
        return Ok(book.runs().collect());
    }
    let runs = names.iter().map(|name| book.run(name));
    runs.map(|run| run.map_err(|error| UsageError(error.to_string()).into()))
        .collect()
}

/// The width of the longest name, so that what follows lines up.
pub(super) fn name_width(runs: &[RunRef<'_>]) -> usize {
    runs.iter()
        .map(|run| run.full_name().len())
        .max()
        .unwrap_or(0)
}
