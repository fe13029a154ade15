//! A copy of the book in which changes can be tried.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use ignore::WalkBuilder;

use crate::book::listing::Book;
use crate::book::package::workspace_root;

/// Where the copy is, from the outermost folder that is copied.
const FOLDER: &str = "target/counter-runs";

/// A copy of a book with its workspace, as git would take it: nothing that is ignored. It stays
/// for the next time, so that little has to be built then.
pub struct Scratch {
    /// The book in the copy.
    pub root: PathBuf,
    /// Held while the copy is in use.
    _lock: File,
}

impl Scratch {
    /// Makes the copy, or brings an earlier one up to date.
    ///
    /// # Errors
    ///
    /// When a file cannot be copied, or another start of this tool uses the copy.
    pub fn of(book: &Book) -> Result<Scratch> {
        let workspaces = book
            .listings
            .iter()
            .map(|listing| workspace_root(&listing.dir));
        // Of folders that contain the book, the outermost.
        let top = workspaces
            .filter(|workspace| book.root.starts_with(workspace))
            .min_by_key(|workspace| workspace.components().count());
        let top = top.unwrap_or_else(|| book.root.clone());
        let copy = top.join(FOLDER);
        fs::create_dir_all(&copy).with_context(|| copy.display().to_string())?;
        let lock = copy.with_extension("lock");
        let lock = File::create(&lock).with_context(|| lock.display().to_string())?;
        if lock.try_lock().is_err() {
            bail!(
                "another start of this tool tries changes in {}",
                copy.display()
            );
        }
        bring_up_to_date(&top, &copy)?;
        let root = book.root.strip_prefix(&top).unwrap_or(Path::new(""));
        Ok(Scratch {
            root: copy.join(root),
            _lock: lock,
        })
    }

    /// Applies diffs; they are taken back when what is returned is dropped.
    ///
    /// # Errors
    ///
    /// When a file is not there, or is not as the diff expects it: nothing is changed then.
    pub fn apply(&self, diff: &str) -> Result<Applied> {
        let mut applied = Applied {
            originals: Vec::new(),
        };
        for (path, diff) in by_file(diff)? {
            let file = self.root.join(&path);
            let at = || format!("{path}: the patch does not apply");
            let original = fs::read_to_string(&file).with_context(at)?;
            let patch = diffy::Patch::from_str(&diff)
                .map_err(|error| anyhow::anyhow!("{error}"))
                .with_context(at)?;
            let changed = diffy::apply(&original, &patch)
                .map_err(|error| anyhow::anyhow!("{error}"))
                .with_context(at)?;
            ensure!(changed != original, "{path}: the patch changes nothing");
            applied.originals.push((file.clone(), original));
            fs::write(&file, changed).with_context(at)?;
        }
        Ok(applied)
    }
}

/// Diffs that are applied. Dropping it takes them back.
pub struct Applied {
    originals: Vec<(PathBuf, String)>,
}

impl Drop for Applied {
    fn drop(&mut self) {
        for (file, original) in &self.originals {
            // Where it fails, the next use of the copy brings it up to date.
            let _ = fs::write(file, original);
        }
    }
}

/// The diff of each file, with its path.
fn by_file(diff: &str) -> Result<Vec<(String, String)>> {
    let mut files: Vec<(String, String)> = Vec::new();
    for line in diff.split_inclusive('\n') {
        if let Some(path) = line.strip_prefix("--- a/") {
            files.push((path.trim_end().to_owned(), String::new()));
        }
        let between = line.starts_with("diff --git ") || line.starts_with("index ");
        if let Some((_, text)) = files.last_mut()
            && !between
        {
            text.push_str(line);
        }
    }
    ensure!(
        !files.is_empty(),
        "expected a diff, with `--- a/` before a path"
    );
    Ok(files)
}

/// Copies what differs, and removes what is not there any more, but for what was built.
fn bring_up_to_date(from: &Path, to: &Path) -> Result<()> {
    let walk = |dir: &Path| {
        WalkBuilder::new(dir)
            .hidden(false)
            .require_git(false)
            .parents(false)
            .filter_entry(|entry| {
                let built = entry.depth() == 1 && entry.file_name() == "target";
                entry.file_name() != ".git" && !built
            })
            .build()
    };
    let mut known = BTreeSet::new();
    for entry in walk(from) {
        let entry = entry?;
        let path = entry.path().strip_prefix(from).unwrap_or(entry.path());
        let copy = to.join(path);
        let at = || format!("cannot copy {}", path.display());
        known.insert(path.to_owned());
        let kind = entry.file_type().with_context(at)?;
        if kind.is_dir() {
            fs::create_dir_all(&copy).with_context(at)?;
        } else if kind.is_file() {
            let bytes = fs::read(entry.path()).with_context(at)?;
            // One that is the same keeps its time, and what was built of it is not stale.
            if fs::read(&copy).ok().as_ref() != Some(&bytes) {
                fs::write(&copy, bytes).with_context(at)?;
            }
        }
    }
    for entry in walk(to) {
        let entry = entry?;
        let path = entry.path().strip_prefix(to).unwrap_or(entry.path());
        if entry.file_type().is_some_and(|kind| kind.is_file()) && !known.contains(path) {
            fs::remove_file(entry.path())
                .with_context(|| format!("cannot remove {}", entry.path().display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::listing::tests::{book_with, one_run};

    const DIFF: &str = "diff --git a/listings/demo/src/main.rs b/listings/demo/src/main.rs\n\
                        index 1..2 100644\n--- a/listings/demo/src/main.rs\n\
                        +++ b/listings/demo/src/main.rs\n@@ -1 +1 @@\n-fn main() {}\n+fn main() { loop {} }\n";

    #[test]
    fn a_change_is_made_in_the_copy_alone_and_taken_back() {
        let (dir, book) = book_with(&one_run(""));
        let book = book.expect("it is right");
        let scratch = Scratch::of(&book).expect("a copy");
        let read =
            |root: &Path| fs::read_to_string(root.join("listings/demo/src/main.rs")).unwrap();
        {
            let _applied = scratch.apply(DIFF).expect("it applies");
            assert_eq!(read(&scratch.root), "fn main() { loop {} }\n");
            assert_eq!(read(dir.path()), "fn main() {}\n");
        }
        assert_eq!(read(&scratch.root), "fn main() {}\n");
        assert!(Scratch::of(&book).is_err(), "it is in use");
    }

    #[test]
    fn a_patch_that_does_not_apply_changes_nothing_and_names_the_file() {
        let (_dir, book) = book_with(&one_run(""));
        let book = book.expect("it is right");
        let scratch = Scratch::of(&book).expect("a copy");
        let other = DIFF.replace("-fn main() {}", "-fn other() {}");
        let error = scratch
            .apply(&other)
            .map(|_| ())
            .expect_err("it is of another file");
        let error = format!("{error:#}");
        assert!(
            error.starts_with("listings/demo/src/main.rs: the patch does not apply"),
            "{error}"
        );
    }

    #[test]
    fn a_copy_follows_the_book() {
        let (dir, book) = book_with(&one_run(""));
        let book = book.expect("it is right");
        let scratch = Scratch::of(&book).expect("a copy");
        let copy = scratch.root.clone();
        drop(scratch);
        fs::write(dir.path().join("listings/demo/new.txt"), "new").expect("a file");
        fs::remove_file(dir.path().join("listings/library/Cargo.toml")).expect("it is there");
        Scratch::of(&book).expect("a copy");
        assert!(copy.join("listings/demo/new.txt").is_file());
        assert!(!copy.join("listings/library/Cargo.toml").exists());
        assert!(!copy.join("target").exists());
    }
}
