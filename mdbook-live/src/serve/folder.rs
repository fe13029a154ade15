//! The folder of the built book: it goes with its server, that of a killed one with the next.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, Result};
use nix::unistd::geteuid;
use tempfile::TempDir;

/// In the folder of a server, and locked as long as the server is there.
const LOCK: &str = ".locked-by-mdbook-live";

/// A server's own folder.
#[derive(Debug)]
pub(crate) struct ServerFolder {
    dir: TempDir,
    /// Let go of after the folder.
    _lock: File,
}

impl ServerFolder {
    /// Makes one inside `parent`, and removes those of servers that are gone.
    pub fn new(parent: &Path) -> Result<ServerFolder> {
        remove_abandoned(parent);
        loop {
            let dir = tempfile::Builder::new()
                .prefix("mdbook-live-")
                .tempdir_in(parent)
                .context("making a folder for the built book")?;
            let path = dir.path().join(LOCK);
            let lock = File::create(&path).context("making a folder for the built book")?;
            // Where files cannot be locked, no other server can lock it to remove it.
            let _ = lock.lock();
            // One that began at this moment has taken it for abandoned before it was locked.
            if path.exists() {
                return Ok(ServerFolder { dir, _lock: lock });
            }
        }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }
}

/// What cannot be removed is left to a cleaner of temporary files.
fn remove_abandoned(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let is_own = |entry: &fs::DirEntry| {
            let metadata = entry.metadata();
            metadata.is_ok_and(|found| found.is_dir() && found.uid() == geteuid().as_raw())
        };
        if is_own(&entry)
            && let Ok(lock) = File::open(entry.path().join(LOCK))
            && lock.try_lock().is_ok()
        {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(parent: &Path) -> Vec<String> {
        let entries = fs::read_dir(parent).expect("a folder").flatten();
        let mut names: Vec<String> = entries
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn the_folder_of_a_killed_server_goes_with_the_next_one_and_no_other_does() {
        let parent = tempfile::tempdir().expect("a folder");
        let parent = parent.path();
        let alive = ServerFolder::new(parent).expect("a folder");
        let killed = ServerFolder::new(parent).expect("a folder");
        fs::create_dir(killed.path().join("book-1")).expect("a folder");
        // What is left when a process is killed: its locks are gone, its files are not.
        let ServerFolder { dir, _lock } = killed;
        let killed = dir.keep();
        drop(_lock);
        fs::create_dir(parent.join("mdbook-live-by-hand")).expect("a folder");

        let next = ServerFolder::new(parent).expect("a folder");
        assert!(!killed.exists());
        assert!(alive.path().exists() && parent.join("mdbook-live-by-hand").exists());
        drop((alive, next));
        assert_eq!(names(parent), ["mdbook-live-by-hand"]);
    }

    #[test]
    fn servers_that_begin_together_keep_their_folders() {
        let parent = tempfile::tempdir().expect("a folder");
        let parent = parent.path();
        std::thread::scope(|threads| {
            let starts: Vec<_> = (0..8)
                .map(|_| {
                    threads.spawn(|| {
                        for _ in 0..50 {
                            let folder = ServerFolder::new(parent).expect("a folder");
                            std::thread::yield_now();
                            assert!(folder.path().join(LOCK).exists());
                        }
                    })
                })
                .collect();
            for start in starts {
                start.join().expect("it keeps its folder");
            }
        });
        assert_eq!(names(parent), [] as [&str; 0]);
    }
}
