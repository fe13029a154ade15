//! Files that are read where they are there, and written whole or not at all.

use std::fs::Permissions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::NamedTempFile;

/// The text of a file; `None` where there is none.
///
/// # Errors
///
/// When it is there and cannot be read.
pub fn read_if_there(path: &Path) -> Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

pub(super) fn remove_if_there(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// A file that is whole on the disk, beside the one whose place it takes. Dropping it leaves
/// the old one.
#[derive(Debug)]
pub struct Replacement {
    file: NamedTempFile,
    path: PathBuf,
}

impl Replacement {
    /// Writes the text: what the disk has no room for is found out here.
    pub fn of(path: &Path, text: &str) -> Result<Replacement> {
        let write = || -> Result<Replacement> {
            let dir = path.parent().context("it has no folder")?;
            std::fs::create_dir_all(dir)?;
            // Permissions as any new file has, after the umask; the default is the owner's alone.
            let mut file = tempfile::Builder::new()
                .permissions(Permissions::from_mode(0o666))
                .tempfile_in(dir)?;
            file.write_all(text.as_bytes())?;
            // Before it has its name: after a crash a name could be that of an empty file.
            file.as_file().sync_all()?;
            let path = path.to_owned();
            Ok(Replacement { file, path })
        };
        write().with_context(|| format!("cannot write {}", path.display()))
    }

    /// Readers see the old file or the new one, never a part of it.
    pub fn take_its_place(self) -> Result<()> {
        let persisted = self.file.persist(&self.path);
        persisted.with_context(|| format!("cannot write {}", self.path.display()))?;
        Ok(())
    }
}
