//! The files of a listing's folder that its author wrote for its programs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// What else is in such a folder: what the tool keeps.
const KEPT: [&str; 3] = ["runs.toml", "recorded", "broken"];

/// Hidden files that programs and cargo read.
const HIDDEN: [&str; 4] = [".cargo", ".clippy.toml", ".env", ".rustfmt.toml"];

/// The files in `dir` and below it, by their paths from there, without what was built. Hidden
/// ones are none, but for those of cargo.
///
/// # Errors
///
/// When a folder cannot be listed.
pub fn sources(dir: &Path) -> Result<BTreeSet<PathBuf>> {
    let mut files = BTreeSet::new();
    if dir.is_dir() {
        collect(dir, Path::new(""), &mut Vec::new(), &mut files)?;
    }
    Ok(files)
}

/// `above` are the folders on the way down: a link may lead back to one.
fn collect(
    dir: &Path,
    below: &Path,
    above: &mut Vec<PathBuf>,
    files: &mut BTreeSet<PathBuf>,
) -> Result<()> {
    let folder = dir.join(below);
    let at = || format!("cannot list {}", folder.display());
    let real = folder.canonicalize().with_context(at)?;
    if above.contains(&real) {
        return Ok(());
    }
    above.push(real);
    // A listing in another one keeps its own.
    let is_listing = below == Path::new("") || folder.join(KEPT[0]).is_file();
    for entry in std::fs::read_dir(&folder).with_context(at)? {
        let name = entry.with_context(at)?.file_name();
        let shown = name.to_string_lossy();
        let is_kept = is_listing && KEPT.contains(&&*shown);
        let is_hidden = shown.starts_with('.') && !HIDDEN.contains(&&*shown);
        let path = folder.join(&name);
        if is_kept || is_hidden || is_built(&path, &shown) {
            continue;
        }
        if path.is_dir() {
            collect(dir, &below.join(&name), above, files)?;
        } else if path.is_file() {
            files.insert(below.join(&name));
        }
    }
    above.pop();
    Ok(())
}

/// Whether a folder is cargo's, or Python's.
fn is_built(path: &Path, name: &str) -> bool {
    name == "__pycache__" || path.join("CACHEDIR.TAG").is_file()
}

/// Whether it is a source in Rust.
pub fn is_rust(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "rs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_author_wrote_is_found_and_a_link_is_no_trap() {
        let dir = tempfile::tempdir().expect("a folder");
        for path in [
            "runs.toml",
            "recorded/run.cast",
            "src/recorded/mod.rs",
            "src/target/mod.rs",
            "target/CACHEDIR.TAG",
            "target/debug/x",
            ".clippy.toml",
            ".git/config",
        ] {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, "").expect("a file");
        }
        for (to, link) in [(".", "src/loop"), ("src/target", "data")] {
            let (to, link) = (dir.path().join(to), dir.path().join(link));
            std::os::unix::fs::symlink(to, link).expect("a link");
        }
        let found = sources(dir.path()).expect("they can be listed");
        let found: Vec<&str> = found.iter().filter_map(|file| file.to_str()).collect();
        assert_eq!(
            found,
            [
                ".clippy.toml",
                "data/mod.rs",
                "src/recorded/mod.rs",
                "src/target/mod.rs"
            ]
        );
    }
}
