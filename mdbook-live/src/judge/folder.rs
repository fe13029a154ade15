//! A listing's folder as a whole: what counts where a run is a command, which may read all of it.

use std::path::Path;

use anyhow::{Context, Result};

use super::hashing::Hasher;
use crate::book::anchors::without_anchors;
use crate::book::folder::{is_rust, sources};

/// Adds every file of the folder but the lock file, whose choice is known by name, and `texts`,
/// which are made from records. Rust sources count without the lines that carry anchors.
pub(super) fn hash_folder(hasher: &mut Hasher, dir: &Path, texts: &[&Path]) -> Result<()> {
    for name in sources(dir)? {
        if texts.contains(&&*name) || name.ends_with("Cargo.lock") {
            continue;
        }
        let file = dir.join(&name);
        let bytes =
            std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        hasher.part(b'p', name.as_os_str().as_encoded_bytes());
        match std::str::from_utf8(&bytes) {
            Ok(text) if is_rust(&file) => hasher.part(b'r', without_anchors(text).as_bytes()),
            _ => hasher.part(b'f', &bytes),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_command_may_read_counts_and_what_is_made_from_it_does_not() {
        let dir = tempfile::tempdir().expect("a folder");
        let write = |path: &str, text: &str| {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        };
        let hash = || {
            let mut hasher = Hasher::default();
            let texts = [Path::new("output.txt")];
            hash_folder(&mut hasher, dir.path(), &texts).expect("a folder");
            hasher.finish()
        };
        write("sum.py", "print(1)\n");
        write("src/main.rs", "fn main() {}\n");
        let before = hash();
        for (path, text) in [
            ("runs.toml", "[[run]]"),
            ("recorded/run.cast", "{}"),
            ("target/CACHEDIR.TAG", ""),
            ("output.txt", "$ cargo run\n"),
            (".#sum.py", ""),
            ("src/main.rs", "// ANCHOR: a\nfn main() {}\n"),
        ] {
            write(path, text);
            assert_eq!(hash(), before, "{path}");
        }
        for (path, text) in [
            ("sum.py", "print(2)\n"),
            ("data.txt", "1"),
            ("src/main.rs", "fn main() {} // here\n"),
        ] {
            let before = hash();
            write(path, text);
            assert_ne!(hash(), before, "{path}");
        }
    }
}
