//! Builds the book anew when something in it changes.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::serve::site::{Site, build_into};
use crate::serve::watch::{Change, Changes};

/// What the server has to say to the person who started it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The book is built and served.
    Serving {
        /// Where a browser on this machine finds it.
        url: String,
        /// How long the build took.
        took: Duration,
        /// Where other machines reach it, without live runs; `None` where they do not.
        elsewhere: Option<Vec<String>>,
    },
    /// The book was built anew.
    Rebuilt {
        /// What changed, from the book's folder; `None`: the built book had been removed.
        changed: Option<PathBuf>,
        /// How long the build took.
        took: Duration,
    },
    /// The book does not build; the old one stays.
    DoesNotBuild {
        /// As for `Rebuilt`.
        changed: Option<PathBuf>,
        /// Why.
        problem: String,
    },
}

/// Builds the book anew after each change, for as long as something is watched.
pub(crate) fn rebuild_on_change(
    root: &Path,
    folder: &Path,
    mut changes: Changes,
    site: &Site,
    notify: impl Fn(Notice),
) {
    while let Some(change) = changes.next() {
        let changed = match change {
            Change::File(path) => Some(path.strip_prefix(root).unwrap_or(&path).to_owned()),
            // Each request that found nothing has asked; one build answers them all.
            Change::BookIsGone if !site.is_gone() => continue,
            Change::BookIsGone => None,
        };
        let started = Instant::now();
        match build_into(root, folder) {
            Ok(book) => {
                site.replace(book);
                let took = started.elapsed();
                notify(Notice::Rebuilt { changed, took });
            }
            Err(error) => {
                let problem = format!("{error:#}");
                site.keep_for(problem.clone());
                notify(Notice::DoesNotBuild { changed, problem });
            }
        }
    }
}
