//! Changes to what the book is built from.
//!
//! What is watched is what a build reads: the chapters and what they include, the theme, the
//! listings, the files and folders that `book.toml` names. Hidden files, an editor's backups
//! and what git ignores are none of the book's: nothing of what runs and builds leave behind
//! makes a new book.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use mdbook_driver::config::Config;
use notify::{RecursiveMode, Watcher};
use regex::Regex;

use crate::book::listing::Book;
use crate::text::paths::normal;

/// An editor writes a file in several steps; git changes many files.
const QUIET: Duration = Duration::from_millis(60);

/// After this time a change is reported, quiet or not.
const LATEST: Duration = Duration::from_secs(1);

/// Folders deeper than this in a tree are not looked into: a link may lead in a circle.
const MOST_DEPTH: usize = 32;

/// Why the book is built anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// Something that it is built from has changed.
    File(PathBuf),
    /// What was built has been removed.
    BookIsGone,
}

/// Watches what the book is built from.
pub(crate) struct Changes {
    root: PathBuf,
    sender: Sender<Change>,
    events: Receiver<Change>,
    /// Dropping it ends the watch.
    watcher: notify::RecommendedWatcher,
    sources: Sources,
}

/// What a book is built from.
#[derive(Debug, Default)]
struct Sources {
    /// Each with the folder that its walk began at: of that one, hidden parents do not count.
    folders: BTreeMap<PathBuf, PathBuf>,
    /// Single files elsewhere.
    files: BTreeSet<PathBuf>,
    /// The deepest first.
    ignored: Vec<Gitignore>,
    /// What a build writes.
    built: PathBuf,
    /// The folders outside the book that links have led to.
    linked: BTreeSet<PathBuf>,
}

impl Changes {
    /// Begins to watch.
    ///
    /// # Errors
    ///
    /// When `book.toml` or a `runs.toml` cannot be read, or the system watches no more folders.
    pub fn watch(root: &Path) -> Result<Changes> {
        let (sender, events) = mpsc::channel();
        let changed = sender.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if let Ok(event) = event
                && !event.kind.is_access()
            {
                for path in event.paths {
                    // Fails only once nothing rebuilds any more.
                    let _ = changed.send(Change::File(path));
                }
            }
        })
        .context("watching the book for changes")?;
        let mut changes = Changes {
            root: root.to_owned(),
            sender,
            events,
            watcher,
            sources: Sources::default(),
        };
        changes.look_again(Sources::of(root)?)?;
        Ok(changes)
    }

    /// Takes changes from others than the watch.
    pub fn sender(&self) -> Sender<Change> {
        self.sender.clone()
    }

    /// Waits for a change, and then until nothing has changed for a moment. What is new has
    /// been added to the watch when this returns, before it is built.
    ///
    /// Returns `None` once nothing is watched any more.
    pub fn next(&mut self) -> Option<Change> {
        let mut change = loop {
            let change = self.events.recv().ok()?;
            if self.counts(&change) {
                break change;
            }
        };
        let latest = Instant::now() + LATEST;
        while Instant::now() < latest {
            let Ok(next) = self.events.recv_timeout(QUIET) else {
                break;
            };
            // An editor's intermediate file says nothing to its user.
            let is_there = matches!(&change, Change::File(path) if path.exists());
            if !is_there && self.counts(&next) {
                change = next;
            }
        }
        // A book.toml or a runs.toml that is half written leaves the watch as it is.
        if let Ok(sources) = Sources::of(&self.root) {
            // What cannot be watched is found by the next save of what can.
            let _ = self.look_again(sources);
        }
        Some(change)
    }

    fn counts(&self, change: &Change) -> bool {
        match change {
            Change::File(path) => self.sources.have(path),
            Change::BookIsGone => true,
        }
    }

    /// Editors replace files, so a file is watched by its folder.
    fn look_again(&mut self, sources: Sources) -> Result<()> {
        let (old, new) = (self.sources.watched(), sources.watched());
        self.sources = sources;
        for gone in old.difference(&new) {
            // Where it has been removed, its watch went with it.
            let _ = self.watcher.unwatch(gone);
        }
        for folder in &new {
            // A folder that was replaced by another is watched anew; of one that is watched
            // already, nothing changes.
            self.watcher
                .watch(folder, RecursiveMode::NonRecursive)
                .with_context(|| format!("watching {} for changes", folder.display()))?;
        }
        Ok(())
    }
}

impl Sources {
    fn of(root: &Path) -> Result<Sources> {
        let config = Config::from_disk(root.join("book.toml"))?;
        let html = config.html_config().unwrap_or_default();
        let chapters = root.join(&config.book.src);
        let mut sources = Sources {
            built: normal(&root.join(&config.build.build_dir)),
            ..Sources::default()
        };
        let mut trees = BTreeSet::from([normal(&chapters), normal(&html.theme_dir(root))]);
        for folder in &config.build.extra_watch_dirs {
            trees.insert(normal(&root.join(folder)));
        }
        for listing in Book::open(root)?.listings {
            // The folder of folders, for new listings and for the libraries next to them.
            match listing.dir.parent() {
                Some(parent) if parent != root => trees.insert(parent.to_owned()),
                _ => trees.insert(listing.dir),
            };
        }
        // The manifest of the workspace is next to book.toml.
        for file in ["book.toml", "Cargo.toml", "Cargo.lock"] {
            sources.files.insert(root.join(file));
        }
        for file in html.additional_css.iter().chain(&html.additional_js) {
            sources.files.insert(normal(&root.join(file)));
        }
        for folder in root.ancestors().skip(1) {
            sources.read_gitignore(folder);
            if folder.join(".git").exists() {
                break;
            }
        }
        sources.read_gitignore(root);
        for tree in trees {
            if sources.folders.contains_key(&tree) {
                continue;
            }
            sources.walk(&tree, &tree, MOST_DEPTH);
            // One that is not there yet counts when it comes.
            sources.files.insert(tree);
        }
        sources.find_includes(&normal(&chapters));
        Ok(sources)
    }

    fn read_gitignore(&mut self, folder: &Path) {
        let file = folder.join(".gitignore");
        if !file.is_file() || self.ignored.iter().any(|known| known.path() == folder) {
            return;
        }
        let mut builder = GitignoreBuilder::new(folder);
        // A line that is no pattern ignores nothing.
        let _ = builder.add(file);
        if let Ok(ignored) = builder.build() {
            self.ignored.push(ignored);
            self.ignored
                .sort_by_key(|one| std::cmp::Reverse(one.path().components().count()));
        }
    }

    fn walk(&mut self, tree: &Path, folder: &Path, depth: usize) {
        let Ok(entries) = fs::read_dir(folder) else {
            return;
        };
        self.read_gitignore(folder);
        self.folders.insert(folder.to_owned(), tree.to_owned());
        for entry in entries.flatten() {
            let path = entry.path();
            let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
            if depth > 0
                && path.is_dir()
                && self.may_have(tree, &path, true)
                && (!is_link || self.leads_on(tree, &path))
            {
                self.walk(tree, &path, depth - 1);
            }
        }
    }

    /// Whether a link leads to a folder that no walk has been to: neither back, nor to a
    /// place that is reached without it.
    fn leads_on(&mut self, tree: &Path, link: &Path) -> bool {
        link.canonicalize().is_ok_and(|to| {
            !to.starts_with(tree) && !tree.starts_with(&to) && self.linked.insert(to)
        })
    }

    /// Whether a path in a tree is of the book, by its name.
    fn may_have(&self, tree: &Path, path: &Path, is_folder: bool) -> bool {
        let below = path.strip_prefix(tree).unwrap_or(path);
        let hidden = below.components().any(|part| is_hidden(part.as_os_str()));
        let of_cargo = is_folder
            && (path.join("CACHEDIR.TAG").exists()
                || path.file_name() == Some(OsStr::new("target"))
                    && path.with_file_name("Cargo.toml").exists());
        !(hidden || of_cargo || path.starts_with(&self.built) || self.is_ignored(path, is_folder))
    }

    fn is_ignored(&self, path: &Path, is_folder: bool) -> bool {
        for ignored in &self.ignored {
            if !path.starts_with(ignored.path()) {
                continue;
            }
            match ignored.matched_path_or_any_parents(path, is_folder) {
                Match::Ignore(_) => return true,
                Match::Whitelist(_) => return false,
                Match::None => {}
            }
        }
        false
    }

    /// Whether a change there can change the book.
    fn have(&self, path: &Path) -> bool {
        if self.files.contains(path) {
            return true;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // Backups and locks of editors; those with a hidden name are left out as such.
        if name.ends_with('~') || (name.starts_with('#') && name.ends_with('#')) {
            return false;
        }
        let tree = path.parent().and_then(|folder| self.folders.get(folder));
        tree.is_some_and(|tree| self.may_have(tree, path, path.is_dir()))
    }

    /// The folders that have to be watched.
    fn watched(&self) -> BTreeSet<PathBuf> {
        let of_files = self.files.iter().filter_map(|file| file.parent());
        let of_files = of_files.filter(|folder| folder.is_dir());
        let folders = self.folders.keys().cloned();
        folders.chain(of_files.map(Path::to_owned)).collect()
    }

    /// Finds the files that chapters include, and those that these include.
    fn find_includes(&mut self, chapters: &Path) {
        let folders = self.folders.keys();
        let mut unread: Vec<PathBuf> = folders
            .filter(|folder| folder.starts_with(chapters))
            .flat_map(|folder| fs::read_dir(folder).into_iter().flatten().flatten())
            .map(|entry| entry.path())
            .filter(|path| path.extension() == Some(OsStr::new("md")))
            .collect();
        let mut read: BTreeSet<PathBuf> = unread.iter().cloned().collect();
        while let Some(file) = unread.pop() {
            let Ok(text) = fs::read_to_string(&file) else {
                continue;
            };
            let folder = file.parent().unwrap_or(chapters);
            for included in includes(&text) {
                let included = normal(&folder.join(included));
                if !self.have(&included) {
                    self.files.insert(included.clone());
                }
                if read.insert(included.clone()) {
                    unread.push(included);
                }
            }
        }
    }
}

/// A name that programs do not show.
fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

/// The paths of mdBook's directives in a chapter, from the chapter's folder.
fn includes(text: &str) -> Vec<&str> {
    static INCLUDE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"\{\{\s*#(?:include|rustdoc_include|playground|playpen)\s+([^\s:}]+)")
            .expect("a constant pattern, compiled by every test")
    });
    let found = INCLUDE.captures_iter(text);
    found
        .filter_map(|one| one.get(1).map(|path| path.as_str()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture_book::{book, write};

    /// Which of these paths, from the book's root, count.
    fn counting<'p>(root: &Path, paths: &[&'p str]) -> Vec<&'p str> {
        let sources = Sources::of(root).expect("the book is whole");
        let counts = |path: &&&str| sources.have(&normal(&root.join(path)));
        paths.iter().filter(counts).copied().collect()
    }

    #[track_caller]
    fn assert_counts(root: &Path, of_the_book: &[&str], others: &[&str]) {
        assert_eq!(counting(root, of_the_book), of_the_book);
        assert_eq!(counting(root, others), [] as [&str; 0]);
    }

    #[test]
    fn what_the_build_reads_counts_and_what_runs_and_builds_leave_behind_does_not() {
        let root = book();
        write(root.path(), ".gitignore", "/target\n*.dat\n");
        write(
            root.path(),
            "listings/demo/.gitignore",
            "scratch/\n!kept.dat\n",
        );
        write(root.path(), "listings/demo/scratch/one.txt", "");
        write(root.path(), "listings/demo/target/CACHEDIR.TAG", "");
        write(root.path(), "listings/demo/recorded/fork.cast", "");
        assert_counts(
            root.path(),
            &[
                "book.toml",
                "Cargo.toml",
                "Cargo.lock",
                "src/one.md",
                "src/new.md",
                "src/data.log",
                "listings/demo/runs.toml",
                "listings/demo/src/main.rs",
                "listings/demo/src/gone.rs",
                "listings/demo/kept.dat",
                "listings/demo/recorded/fork.cast",
                "listings/demo/manual/fork.txt",
                "listings/new",
            ],
            &[
                "README.md",
                "src/.one.md.swp",
                "src/.#one.md",
                "src/#one.md#",
                "src/one.md~",
                "book/one.html",
                "target/debug/demo",
                "listings/demo/target",
                "listings/demo/target/debug/demo",
                "listings/demo/data.dat",
                "listings/demo/scratch/one.txt",
                "listings/demo/recorded/.fork.cast.x",
                ".git/index",
            ],
        );
    }

    #[test]
    fn what_book_toml_names_and_chapters_include_counts_wherever_it_is() {
        let root = book();
        let mut toml = fs::read_to_string(root.path().join("book.toml")).expect("a file");
        toml += "[build]\nextra-watch-dirs = ['data']\n\
                 [output.html]\nadditional-css = ['extra.css']\nadditional-js = ['js/extra.js']\n\
                 theme = 'look'\n";
        write(root.path(), "book.toml", &toml);
        write(root.path(), "data/deep/one.csv", "");
        write(root.path(), "js/extra.js", "");
        write(root.path(), "extra.css", "");
        write(root.path(), "look/css/general.css", "");
        write(root.path(), "outside/text.md", "{{#include more.md}}\n");
        write(
            root.path(),
            "src/one.md",
            "# One\n\n{{#include ../outside/text.md:part}}\n{{ #rustdoc_include ../outside/a.rs}}\n",
        );
        assert_counts(
            root.path(),
            &[
                "data/deep/one.csv",
                "data/new.csv",
                "extra.css",
                "js/extra.js",
                "look/css/general.css",
                "outside/text.md",
                "outside/more.md",
                "outside/a.rs",
            ],
            &["outside/other.md", "js/other.js", "other.css"],
        );
    }

    #[test]
    fn chapters_may_be_in_the_folder_of_book_toml() {
        let root = book();
        let toml = fs::read_to_string(root.path().join("book.toml")).expect("a file");
        let toml = toml.replace("[book]\n", "[book]\nsrc = \".\"\n");
        write(root.path(), "book.toml", &toml);
        write(root.path(), "one.md", "# One\n");
        write(root.path(), "target/CACHEDIR.TAG", "");
        write(root.path(), "part/two.md", "# Two\n");
        assert_counts(
            root.path(),
            &["one.md", "part/two.md", "listings/demo/src/main.rs"],
            &["book/one.html", "target/debug/demo"],
        );
    }

    #[test]
    fn locks_of_editors_and_links_that_lead_nowhere_or_back_break_nothing() {
        let root = book();
        for folder in ["src", "listings/demo/src"] {
            let link = |to: &str, name: &str| {
                let at = root.path().join(folder).join(name);
                std::os::unix::fs::symlink(to, at).expect("a link");
            };
            link("someone@somewhere.4711", ".#main.rs");
            link("nowhere", "dangling.rs");
            link("..", "back");
        }
        assert_counts(root.path(), &["src/one.md"], &["src/.#main.rs"]);
    }

    #[test]
    fn a_new_folder_is_watched_before_the_book_is_built() {
        let root = book();
        let mut changes = Changes::watch(root.path()).expect("it is watched");
        fs::create_dir(root.path().join("src/part")).expect("a folder");
        let new = root.path().join("src/part");
        assert_eq!(changes.next(), Some(Change::File(new.clone())));
        fs::write(new.join("three.md"), "# Three\n").expect("a file");
        assert_eq!(changes.next(), Some(Change::File(new.join("three.md"))));
    }
}
