//! A forked child that panics does not run its parent's destructors.

use std::path::Path;

use start_methods::children::forked;

/// What a parent removes at its end, and its child must not.
struct Removed<'a>(&'a Path);

impl Drop for Removed<'_> {
    fn drop(&mut self) {
        std::fs::remove_file(self.0).expect("it is there");
    }
}

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("of-the-parent");
    std::fs::write(&path, "").expect("a file");
    let removed = Removed(&path);
    let error = forked(|| panic!("on purpose")).expect_err("the child has panicked");
    assert!(error.to_string().contains("101"), "{error}");
    assert!(path.exists(), "the child has removed its parent's file");
    drop(removed);
    assert!(!path.exists());
    println!("1 passed, 0 failed");
}
