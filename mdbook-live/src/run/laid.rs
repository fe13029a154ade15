//! A listing laid out as its readers see it: without the lines that carry anchors, so that what a
//! compiler or a panic says of a line is about the line that the page shows.
//!
//! It lies below the book's `target/mdbook-live`, at the listing's own path, in a workspace of
//! its own with a target folder of its own: two listings whose packages have one name do not meet
//! there. A file is written only where it has changed, so that cargo builds only what has.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result};
use toml::{Table, Value};

use crate::book::anchors::without_anchors;
use crate::book::listing::{Book, Listing};
use crate::book::package::workspace_root;
use crate::book::pattern::Pattern;

/// What of a listing's folder is not laid out.
const LEFT_OUT: [&str; 5] = ["target", "recorded", "broken", "runs.toml", "__pycache__"];

/// Whether a listing can be laid out: no workspace above it counts it to its packages.
pub(super) fn stands_alone(listing: &Listing) -> bool {
    workspace_root(&listing.dir).starts_with(&listing.dir)
}

/// Whether one of its sources has a line that its readers do not see.
pub(super) fn has_anchors(book: &Book, listing: &Listing) -> Result<bool> {
    let mut files = BTreeSet::new();
    collect(&listing.dir, Path::new(""), &mut files)?;
    let rust = files.iter().filter(|file| is_rust(file));
    for file in rust {
        let text = fs::read_to_string(listing.dir.join(file)).unwrap_or_default();
        if as_shown(&text, &book.config.strip_lines) != text {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Lays a listing out, with the packages of the book that it depends on by their paths, and
/// returns its folder.
///
/// # Errors
///
/// When a file cannot be read or written.
pub(super) fn lay(book: &Book, listing: &Listing, toolchain: Option<&str>) -> Result<PathBuf> {
    let to = book.root.join(below_root(toolchain));
    fs::create_dir_all(&to).with_context(|| format!("cannot make {}", to.display()))?;
    // Git does not see it, whatever the book ignores.
    write(&to.join(".gitignore"), b"*\n")?;
    let strip = &book.config.strip_lines;
    let mut left = vec![listing.dir.clone()];
    let mut laid = BTreeSet::new();
    while let Some(from) = left.pop() {
        let Ok(path) = from.strip_prefix(&book.root) else {
            continue;
        };
        if laid.insert(from.clone()) {
            let is_listing = from == listing.dir;
            lay_folder(&from, &to.join(path), is_listing, strip, &mut left)?;
        }
    }
    let path = listing.dir.strip_prefix(&book.root);
    Ok(to.join(path.unwrap_or(&listing.dir)))
}

/// The folder, from the book's root, in which this tool builds for itself: one for each compiler.
pub(super) fn below_root(toolchain: Option<&str>) -> String {
    match toolchain {
        None => "target/mdbook-live".to_owned(),
        Some(toolchain) => format!("target/mdbook-live-{toolchain}"),
    }
}

/// Has cargo build the packages of a listing that is laid out anew: their sources are younger
/// than what it has built.
pub(super) fn make_younger(dir: &Path) -> Result<()> {
    let mut files = BTreeSet::new();
    collect(dir, Path::new(""), &mut files)?;
    for file in files.iter().filter(|file| is_rust(file)) {
        let path = dir.join(file);
        let at = || format!("cannot touch {}", path.display());
        let file = fs::File::options().append(true).open(&path);
        file.and_then(|file| file.set_modified(SystemTime::now()))
            .with_context(at)?;
    }
    Ok(())
}

/// Makes `to` what `from` is; packages outside that it depends on are added to `others`.
fn lay_folder(
    from: &Path,
    to: &Path,
    is_root: bool,
    strip: &[Pattern],
    others: &mut Vec<PathBuf>,
) -> Result<()> {
    let mut files = BTreeSet::new();
    collect(from, Path::new(""), &mut files)?;
    for file in &files {
        let path = from.join(file);
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let text = std::str::from_utf8(&bytes);
        let bytes = match text {
            Ok(text) if is_rust(file) => as_shown(text, strip).into_bytes(),
            Ok(text) if file.file_name().is_some_and(|name| name == "Cargo.toml") => {
                let folder = path.parent().unwrap_or(from);
                let (text, named) = manifest(text, folder, is_root && folder == from);
                others.extend(named.into_iter().filter(|named| !named.starts_with(from)));
                text.into_bytes()
            }
            _ => bytes,
        };
        write(&to.join(file), &bytes)?;
        let permissions = fs::metadata(&path)?.permissions();
        fs::set_permissions(to.join(file), permissions)?;
    }
    let mut there = BTreeSet::new();
    collect(to, Path::new(""), &mut there)?;
    for gone in there.difference(&files) {
        // Cargo writes a lock file where there is none.
        if gone != Path::new("Cargo.lock") {
            let gone = to.join(gone);
            fs::remove_file(&gone).with_context(|| format!("cannot remove {}", gone.display()))?;
        }
    }
    Ok(())
}

/// A manifest as it is laid out, and the folders of the packages that it names by their paths.
/// That of the listing's own folder is a workspace's: cargo looks no higher.
fn manifest(text: &str, folder: &Path, is_root: bool) -> (String, Vec<PathBuf>) {
    // What is wrong with it, cargo says.
    let table: Table = text.parse().unwrap_or_default();
    let mut named = Vec::new();
    paths(&Value::Table(table.clone()), folder, &mut named);
    let mut text = text.to_owned();
    if is_root && !table.contains_key("workspace") {
        text.push_str("\n[workspace]\n");
    }
    (text, named)
}

fn paths(value: &Value, folder: &Path, named: &mut Vec<PathBuf>) {
    match value {
        Value::Table(table) => {
            for (key, value) in table {
                match value {
                    Value::String(path) if key == "path" => named.push(normal(&folder.join(path))),
                    value => paths(value, folder, named),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| paths(value, folder, named)),
        _ => {}
    }
}

/// A path without `..`; one that names a file is of its folder's package, which has been laid.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                normal.pop();
            }
            Component::CurDir => {}
            part => normal.push(part),
        }
    }
    normal
}

/// A source without what its readers do not see.
fn as_shown(text: &str, strip: &[Pattern]) -> String {
    let shown = without_anchors(text);
    let is_stripped = |line: &&str| {
        let line = line.trim_end_matches(['\r', '\n']);
        strip.iter().any(|pattern| pattern.0.is_match(line))
    };
    let lines = shown.split_inclusive('\n');
    lines.filter(|line| !is_stripped(line)).collect()
}

fn is_rust(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "rs")
}

/// Writes a file that has changed.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(path, bytes))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// The files of a listing's folder, by their paths in it.
fn collect(dir: &Path, below: &Path, files: &mut BTreeSet<PathBuf>) -> Result<()> {
    let folder = dir.join(below);
    if !folder.is_dir() {
        return Ok(());
    }
    let at = || format!("cannot list {}", folder.display());
    for entry in fs::read_dir(&folder).with_context(at)? {
        let entry = entry.with_context(at)?;
        let name = entry.file_name();
        let shown = name.to_string_lossy();
        if (shown.starts_with('.') && shown != ".cargo") || LEFT_OUT.contains(&&*shown) {
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
