//! A listing laid out as its readers see it: without the lines that carry anchors, so that what a
//! compiler or a panic says of a line is about the line that the page shows.
//!
//! It lies below the book's `target/mdbook-live`, at the listing's own path, in a workspace of
//! its own with a target folder of its own: two listings whose packages have one name do not meet
//! there. A file is written only where it has changed, so that cargo builds only what has.

use std::fs::{self, File, Permissions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use toml::{Table, Value};

use crate::book::anchors::as_shown;
use crate::book::folder::{is_rust, sources};
use crate::book::listing::{Book, Listing};
use crate::book::package::workspace_root;
use crate::run::stop::Stop;
use crate::text::paths::normal;

/// Whether a listing can be laid out: no workspace above it counts it to its packages.
pub(super) fn stands_alone(listing: &Listing) -> bool {
    workspace_root(&listing.dir).starts_with(&listing.dir)
}

/// Whether one of its sources has a line that its readers do not see.
pub(super) fn has_anchors(book: &Book, listing: &Listing) -> Result<bool> {
    let files = sources(&listing.dir)?;
    let rust = files.iter().filter(|file| is_rust(file));
    for file in rust {
        let text = fs::read_to_string(listing.dir.join(file)).unwrap_or_default();
        if as_shown(&text, &book.config.strip_lines) != text {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether one of its packages depends on one elsewhere by its path.
pub(super) fn depends_on_others(listing: &Listing) -> Result<bool> {
    let files = sources(&listing.dir)?;
    let manifests = files.iter().filter(|file| is_manifest(file));
    for file in manifests {
        let path = listing.dir.join(file);
        let text = fs::read_to_string(&path).unwrap_or_default();
        if !outside(&text, path.parent().unwrap_or(&path), &listing.dir).is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A listing that is laid out, and stays as it is while this is held.
#[derive(Debug)]
pub struct Layout {
    /// Its folder.
    pub dir: PathBuf,
    /// Held against another start of this tool.
    lock: File,
}

impl Layout {
    /// What keeps it as it is.
    pub(super) fn into_lock(self) -> File {
        self.lock
    }
}

/// Lays a listing out. Packages elsewhere that it depends on by their paths stay where they are.
/// While another start of this tool has it, it is waited for.
///
/// # Errors
///
/// When a file cannot be read or written, or `stop` comes first.
pub(super) fn lay(
    book: &Book,
    listing: &Listing,
    toolchain: Option<&str>,
    stop: &Stop,
) -> Result<Layout> {
    let top = book.root.join(below_root(toolchain));
    fs::create_dir_all(&top).with_context(|| format!("cannot make {}", top.display()))?;
    // Git does not see it, whatever the book ignores.
    write(&top.join(".gitignore"), b"*\n")?;
    let from = &listing.dir;
    let to = top.join(from.strip_prefix(&book.root).unwrap_or(from));
    let name = from.strip_prefix(&book.root).unwrap_or(from);
    let name = name.to_string_lossy().replace('/', "+");
    let (lock, laid_before) = lock(&top.join(LOCKS).join(name), stop)?;
    let files = sources(from)?;
    // What a build script has written stays.
    for gone in laid_before.iter().filter(|gone| !files.contains(*gone)) {
        let gone = to.join(gone);
        let removed = fs::remove_file(&gone);
        if removed.is_err() && gone.symlink_metadata().is_ok() {
            removed.with_context(|| format!("cannot remove {}", gone.display()))?;
        }
        // A file may come where there was a folder; one with other files stays.
        let folders = gone.ancestors().skip(1).take_while(|above| *above != to);
        let _ = folders.into_iter().try_for_each(fs::remove_dir);
    }
    fs::create_dir_all(&to).with_context(|| format!("cannot make {}", to.display()))?;
    let names: Vec<String> = files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    keep(&lock, &names.join("\n"))?;
    for file in &files {
        let path = from.join(file);
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let bytes = match std::str::from_utf8(&bytes) {
            Ok(text) if is_rust(file) => as_shown(text, &book.config.strip_lines).into_bytes(),
            Ok(text) if is_manifest(file) => {
                let folder = path.parent().unwrap_or(from);
                manifest(text, folder, from).into_bytes()
            }
            _ => bytes,
        };
        write(&to.join(file), &bytes)?;
        let executable = fs::metadata(&path)?.permissions().mode() & 0o111 != 0;
        if executable {
            fs::set_permissions(to.join(file), Permissions::from_mode(0o755))?;
        }
    }
    Ok(Layout { dir: to, lock })
}

/// In the folder where layouts are: a file for each, locked while somebody uses it, with the names
/// of what was laid.
const LOCKS: &str = ".laid";

/// Has the locked file say what is laid from now on.
fn keep(mut lock: &File, names: &str) -> Result<()> {
    lock.set_len(0)
        .and_then(|()| lock.rewind())
        .and_then(|()| lock.write_all(names.as_bytes()))
        .context("cannot write what is laid out")
}

/// Waits until nobody else has that file locked, and locks it; with what it says was laid before.
fn lock(path: &Path, stop: &Stop) -> Result<(File, Vec<PathBuf>)> {
    const LOOK: Duration = Duration::from_millis(20);
    let at = || format!("cannot lock {}", path.display());
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).with_context(at)?;
    let open = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path);
    let mut file = open.with_context(at)?;
    loop {
        match file.try_lock() {
            Ok(()) => {
                let mut names = String::new();
                file.read_to_string(&mut names).with_context(at)?;
                return Ok((file, names.lines().map(PathBuf::from).collect()));
            }
            Err(TryLockError::WouldBlock) if stop.is_requested() => bail!("stopped"),
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOOK),
            Err(TryLockError::Error(error)) => return Err(error).with_context(at),
        }
    }
}

/// The folder, from the root of a book or of a workspace, in which this tool builds for itself:
/// one for each compiler.
pub(super) fn below_root(toolchain: Option<&str>) -> String {
    match toolchain {
        None => "target/mdbook-live".to_owned(),
        Some(toolchain) => format!("target/mdbook-live-{toolchain}"),
    }
}

/// Has cargo build the packages of a listing that is laid out anew: their sources are younger
/// than what it has built.
pub(super) fn touch_sources(dir: &Path) -> Result<()> {
    let files = sources(dir)?;
    for file in files.iter().filter(|file| is_rust(file)) {
        let path = dir.join(file);
        let at = || format!("cannot touch {}", path.display());
        let file = fs::File::options().append(true).open(&path);
        file.and_then(|file| file.set_modified(SystemTime::now()))
            .with_context(at)?;
    }
    Ok(())
}

/// A manifest as it is laid out: paths that lead out of the listing lead there all the same, and
/// that of the listing's own folder is a workspace's, so that cargo looks no higher.
fn manifest(text: &str, folder: &Path, listing: &Path) -> String {
    let mut laid = text.to_owned();
    for (told, path) in outside(text, folder, listing) {
        let path = Value::String(path.display().to_string()).to_string();
        for quote in ['"', '\''] {
            laid = laid.replace(&format!("{quote}{told}{quote}"), &path);
        }
    }
    // What is wrong with it, cargo says.
    let table: Table = text.parse().unwrap_or_default();
    if folder == listing && !table.contains_key("workspace") {
        laid.push_str("\n[workspace]\n");
    }
    laid
}

/// The paths of a manifest in `folder` that lead out of the listing: as they are told, and where
/// they lead.
fn outside(text: &str, folder: &Path, listing: &Path) -> Vec<(String, PathBuf)> {
    let table: Table = text.parse().unwrap_or_default();
    let mut named = Vec::new();
    paths(&Value::Table(table), folder, &mut named);
    named.retain(|(_, path)| !path.starts_with(listing));
    named
}

fn paths(value: &Value, folder: &Path, named: &mut Vec<(String, PathBuf)>) {
    match value {
        Value::Table(table) => {
            for (key, value) in table {
                match value {
                    Value::String(path) if key == "path" => {
                        named.push((path.clone(), normal(&folder.join(path))));
                    }
                    value => paths(value, folder, named),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| paths(value, folder, named)),
        _ => {}
    }
}

fn is_manifest(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name == "Cargo.toml")
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture_book::write;

    #[test]
    fn a_listing_is_laid_out_as_it_is_shown() {
        let dir = tempfile::tempdir().expect("a folder");
        let root = dir.path();
        let config = "[preprocessor.live]\nstrip_lines = ['^ *// --snip--$']\n";
        write(root, "book.toml", config);
        write(root, "Cargo.toml", "[workspace]\nexclude = ['listings']\n");
        write(root, "listings/one/runs.toml", "[[run]]\ncargo = 'run'\n");
        let manifest = "[package]\nname = 'same'\n[dependencies]\n\
                        near = { path = './near' }\nfar = { path = '../../far' }\n";
        write(root, "listings/one/Cargo.toml", manifest);
        write(root, "listings/one/recorded/run.cast", "");
        write(root, "listings/one/old.txt", "");
        let source = "// ANCHOR: main\nfn main() {\n    // --snip--\n}\n// ANCHOR_END: main\n";
        write(root, "listings/one/src/main.rs", source);
        let book = Book::open(root).expect("the book is right");
        let listing = &book.listings[0];
        assert!(stands_alone(listing) && has_anchors(&book, listing).expect("files"));
        assert!(depends_on_others(listing).expect("manifests"));
        let layout = lay(&book, listing, None, &Stop::default()).expect("it is laid out");
        let laid = layout.dir.clone();
        assert_eq!(laid, root.join("target/mdbook-live/listings/one"));
        let read = |path: &str| fs::read_to_string(laid.join(path)).expect("a file");
        assert_eq!(read("src/main.rs"), "fn main() {\n}\n");
        let far = root.join("far");
        let far = format!("far = {{ path = \"{}\" }}\n\n[workspace]\n", far.display());
        assert!(read("Cargo.toml").ends_with(&far), "{}", read("Cargo.toml"));
        assert!(read("Cargo.toml").contains("'./near'"));
        assert!(!laid.join("recorded").exists() && !laid.join("runs.toml").exists());

        let time = |path: &str| fs::metadata(laid.join(path)).and_then(|file| file.modified());
        let before = time("src/main.rs").expect("a time");
        fs::remove_file(root.join("listings/one/old.txt")).expect("it was there");
        write(root, "listings/one/old.txt/now-a-folder", "");
        let stopped = Stop::default();
        stopped.request();
        let error = lay(&book, listing, None, &stopped).expect_err("it is held");
        assert_eq!(error.to_string(), "stopped");
        drop(layout);
        lay(&book, listing, None, &Stop::default()).expect("it is laid out");
        assert!(laid.join("old.txt/now-a-folder").is_file());
        assert_eq!(time("src/main.rs").expect("a time"), before);
        touch_sources(&laid).expect("they are there");
        assert!(time("src/main.rs").expect("a time") > before);
    }
}
