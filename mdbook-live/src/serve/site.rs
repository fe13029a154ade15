//! The built book that is shown.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::{Arc, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use serde::Serialize;
use tempfile::TempDir;
use tokio::sync::watch;

use crate::verbs::build::build;

/// The book that is shown now.
pub(crate) struct Site {
    current: RwLock<Arc<TempDir>>,
    state: watch::Sender<SiteState>,
}

/// What an open page hears of the book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct SiteState {
    /// Names the build; pages that show another one reload. One that changed nothing keeps it.
    pub build_id: String,
    /// Why what was saved since does not build.
    pub problem: Option<String>,
}

impl Site {
    pub fn new(book: TempDir) -> Site {
        Site {
            current: RwLock::new(Arc::new(book)),
            state: watch::Sender::new(SiteState {
                build_id: new_build_id(),
                problem: None,
            }),
        }
    }

    pub fn current(&self) -> Arc<TempDir> {
        Arc::clone(&self.current.read().unwrap_or_else(|lock| lock.into_inner()))
    }

    pub fn build_id(&self) -> String {
        self.state.borrow().build_id.clone()
    }

    /// What pages hear, from now on.
    pub fn subscribe(&self) -> watch::Receiver<SiteState> {
        self.state.subscribe()
    }

    /// Shows a new book; the old one goes when the last request for it has been answered.
    ///
    /// A book that is the old one to the last byte keeps its id: no page reloads, and what a
    /// reader ran in it stays. Cargo, for one, writes `Cargo.lock` with a listing's first build.
    pub fn replace(&self, book: TempDir) {
        let same = have_same_files(self.current().path(), book.path());
        *self
            .current
            .write()
            .unwrap_or_else(|lock| lock.into_inner()) = Arc::new(book);
        self.state.send_modify(|state| {
            if !same.unwrap_or(false) {
                state.build_id = new_build_id();
            }
            state.problem = None;
        });
    }

    /// Goes on showing the old book, and says why.
    pub fn keep_for(&self, problem: String) {
        self.state
            .send_modify(|state| state.problem = Some(problem));
    }

    /// Whether the built book has been removed, as by a cleaner of temporary files.
    pub fn is_gone(&self) -> bool {
        !self.current().path().join("index.html").is_file()
    }
}

/// Whether two folders have the same files, by name and content, at every depth.
fn have_same_files(one: &Path, other: &Path) -> io::Result<bool> {
    let names = |folder: &Path| -> io::Result<BTreeSet<_>> {
        std::fs::read_dir(folder)?
            .map(|entry| Ok(entry?.file_name()))
            .collect()
    };
    let in_both = names(one)?;
    if in_both != names(other)? {
        return Ok(false);
    }
    for name in in_both {
        let (one, other) = (one.join(&name), other.join(&name));
        let same = match (one.is_dir(), other.is_dir()) {
            (true, true) => have_same_files(&one, &other)?,
            (false, false) => {
                one.metadata()?.len() == other.metadata()?.len()
                    && std::fs::read(&one)? == std::fs::read(&other)?
            }
            _ => false,
        };
        if !same {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Differs between builds, and between starts of the server.
fn new_build_id() -> String {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_nanos()
        .to_string()
}

/// Builds the book of `root` into a new folder inside `folder`.
pub(crate) fn build_into(root: &Path, folder: &Path) -> Result<TempDir> {
    let new_folder = || {
        // A cleaner of temporary files may have removed it.
        std::fs::create_dir_all(folder)
            .and_then(|()| tempfile::Builder::new().prefix("book-").tempdir_in(folder))
            .context("making a folder for the built book")
    };
    let book = new_folder()?;
    let dest = build(root, Some(book.path()))?;
    debug_assert!(dest.starts_with(book.path()));
    if dest == book.path() {
        return Ok(book);
    }
    // With several renderers in book.toml, mdBook gives each a folder of its own.
    let html = new_folder()?;
    std::fs::remove_dir(html.path())
        .and_then(|()| std::fs::rename(&dest, html.path()))
        .with_context(|| format!("moving the pages out of {}", dest.display()))?;
    Ok(html)
}
