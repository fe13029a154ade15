//! Which book, and which of its runs.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::exit_status::UsageError;
use crate::book::listing::{Book, Listing, RunRef};
use crate::text::words::counted;

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

/// The runs with those names, each a run's, a listing's, or a folder's of listings; without a name all but those of
/// listings on request.
pub(super) fn chosen<'b>(book: &'b Book, names: &[String]) -> Result<Vec<RunRef<'b>>> {
    if names.is_empty() {
        return Ok(book.usual_runs().collect());
    }
    let mut chosen = Vec::new();
    for name in names {
        // A folder of listings stands for all of them; so does its path, as a shell completes it.
        let plain = name.trim_end_matches('/');
        let below = format!("{plain}/");
        let path = book.root.join(plain);
        let is_meant = |listing: &&Listing| {
            listing.name == plain
                || listing.name.starts_with(&below)
                || listing.dir.starts_with(&path) && path != book.root
        };
        let mut listings = book.listings.iter().filter(is_meant).peekable();
        if listings.peek().is_none() {
            let run = book.run(name);
            chosen.push(run.map_err(|error| UsageError(error.to_string()))?);
        }
        for listing in listings {
            let runs = listing.runs.iter();
            chosen.extend(runs.map(|run| RunRef { listing, run }));
        }
    }
    let mut seen = BTreeSet::new();
    chosen.retain(|run| seen.insert(run.full_name()));
    Ok(chosen)
}

/// What a command without names leaves out, in a line each.
pub(super) fn left_out(book: &Book, names: &[String]) -> Vec<String> {
    let all = names.is_empty().then_some(&book.listings);
    let left = all.into_iter().flatten();
    let left = left.filter(|listing| listing.on_request);
    left.map(|listing| {
        let runs = counted(listing.runs.len(), "run");
        format!("{runs} of {0} left out: name {0} to build it", listing.name)
    })
    .collect()
}

/// The width of the longest name, so that what follows lines up.
pub(super) fn name_width(runs: &[RunRef<'_>]) -> usize {
    runs.iter()
        .map(|run| run.full_name().len())
        .max()
        .unwrap_or(0)
}
