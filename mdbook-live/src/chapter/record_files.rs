//! The links of a page to the files of a record, where a build lays them beside its pages.

use std::path::Path;

use crate::book::listing::RunRef;
use crate::page::player::{RecordFile, RecordFiles, place};

/// The files of a run that has been recorded, as the page `here` links to them.
pub(super) fn of(run: RunRef<'_>, here: &Path) -> RecordFiles {
    let place = |of| place(&run.listing.name, &run.run.name, of);
    let sampled = run.memory_path().is_file();
    RecordFiles {
        to_root: "../".repeat(here.components().count().saturating_sub(1)),
        cast: place(RecordFile::Cast),
        memory: sampled.then(|| place(RecordFile::Memory)),
    }
}
