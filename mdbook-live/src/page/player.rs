//! A record's own files in the head of its run: to be played in the page, and to be taken home.
//!
//! The row's links are to files that a build lays beside the pages. The player is
//! asciinema-player, which a page asks for when a reader presses *Play*, and not before.

use maud::{Markup, PreEscaped, html};

/// The player's files by their names, as they were published.
pub const PLAYER: [(&str, &[u8]); 3] = [
    (
        "asciinema-player.min.js",
        include_bytes!("../../vendor/asciinema-player/asciinema-player.min.js"),
    ),
    (
        "asciinema-player.css",
        include_bytes!("../../vendor/asciinema-player/asciinema-player.css"),
    ),
    (
        "LICENSE",
        include_bytes!("../../vendor/asciinema-player/LICENSE"),
    ),
];

/// Where they lie in a built book. Another version has another name: no cache mixes them up.
pub const PLAYER_FOLDER: &str = "records/asciinema-player-3.18.0";

/// Where the file of a run's record lies in a built book; `of` is what its name ends with.
pub fn place(listing: &str, run: &str, of: RecordFile) -> String {
    let end = match of {
        RecordFile::Cast => "cast",
        RecordFile::Memory => "memory.csv",
    };
    format!("records/{listing}/{run}.{end}")
}

/// A file of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordFile {
    /// What was printed, and when.
    Cast,
    /// The memory of its processes.
    Memory,
}

/// The files of a record, as links of a page.
#[derive(Debug, Clone)]
pub struct RecordFiles {
    /// What leads from the page to the book's root: `../` or nothing.
    pub to_root: String,
    /// The record, from the root.
    pub cast: String,
    /// The memory of its processes, from the root, where it was sampled.
    pub memory: Option<String>,
}

/// What plays a record when a reader asks for it, for each page that has one.
pub fn script() -> String {
    html! { script { (PreEscaped(include_str!("player.js"))) } }.into_string()
}

/// The row of a record's files.
pub(super) fn row(files: &RecordFiles, run: &str) -> Markup {
    let RecordFiles {
        to_root,
        cast,
        memory,
    } = files;
    html! {
        span.record-files data-player={ (to_root) (PLAYER_FOLDER) "/" } {
            span { "Record: " }
            button.play type="button" aria-expanded="false" aria-label={ "Play the record of " (run) } { "Play" }
            a href={ (to_root) (cast) } download aria-label={ "Download the record of " (run) ", .cast" } { ".cast" }
            @if let Some(memory) = memory {
                a href={ (to_root) (memory) } download aria-label={ "Download the memory of " (run) ", memory.csv" } { "memory.csv" }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn the_player_is_the_one_that_was_published() {
        let told = include_str!("../../vendor/asciinema-player/README.md");
        for (name, bytes) in PLAYER {
            let hash = Sha256::digest(bytes);
            let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
            let row = told
                .lines()
                .find(|line| line.contains(&format!("`{name}` |")));
            assert!(
                row.is_some_and(|row| row.contains(&hash)),
                "{name} is {hash}"
            );
        }
        let version = PLAYER_FOLDER.rsplit('-').next().unwrap();
        assert!(told.starts_with(&format!("# asciinema-player {version}\n")));
    }
}
