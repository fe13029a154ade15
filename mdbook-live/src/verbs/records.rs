//! Lays the files of the records that a book shows beside its pages, to be played and downloaded.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::book::listing::{Book, Size};
use crate::page::player::{PLAYER, PLAYER_FOLDER, RecordFile, place};

/// Copies the records of these runs of a book, and what plays them, into what was built in
/// `built`. A run without a record has no files.
pub(super) fn lay_beside(built: &Path, book: &Book, shown: &BTreeSet<String>) -> Result<()> {
    let mut some = false;
    for name in shown {
        let run = book.run(name)?;
        let files = [
            (RecordFile::Cast, run.record_path(Size::Recorded)),
            (RecordFile::Memory, run.memory_path()),
        ];
        for (of, from) in files {
            if from.is_file() {
                let to = built.join(place(&run.listing.name, &run.run.name, of));
                write(
                    &to,
                    &fs::read(&from).with_context(|| format!("reading {}", from.display()))?,
                )?;
                some = true;
            }
        }
    }
    if some {
        for (name, bytes) in PLAYER {
            write(&built.join(PLAYER_FOLDER).join(name), bytes)?;
        }
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(path, bytes))
        .with_context(|| format!("writing {}", path.display()))
}
