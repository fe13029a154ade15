//! Paths of this machine, in what cargo and the compiler say, as they would be on nobody's.

use std::path::{Path, PathBuf};

use crate::record::line::Line;

/// What stands in the place of which folder.
pub(super) struct NeutralPaths {
    places: Vec<(String, String)>,
}

impl NeutralPaths {
    /// For a command of cargo on the package in `dir`, of the book in `root`.
    pub(super) fn of(root: &Path, dir: &Path, package: &str) -> NeutralPaths {
        let below_home = |variable: &str, name: &str| {
            let told = std::env::var_os(variable).map(PathBuf::from);
            let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(name));
            told.or_else(home)
                .map(|folder| (folder, format!("~/{name}")))
        };
        let own = [
            // Cargo names a program from where it is started.
            Some((dir.join("target"), "target".to_owned())),
            Some((dir.to_owned(), format!("/projects/{package}"))),
            Some((root.to_owned(), "/projects/book".to_owned())),
            below_home("RUSTUP_HOME", ".rustup"),
            below_home("CARGO_HOME", ".cargo"),
        ];
        let places = own.into_iter().flatten();
        let places = places.map(|(folder, shown)| (folder.display().to_string(), shown));
        NeutralPaths {
            places: places.filter(|(folder, _)| folder.len() > 1).collect(),
        }
    }

    /// The line without them.
    pub(super) fn line(&self, line: &Line) -> Line {
        let raw = self.places.iter().fold(line.raw.clone(), |raw, place| {
            let (folder, shown) = place;
            replaced(&raw, folder, shown)
        });
        line.with_raw(raw)
    }
}

/// The text with a folder's path replaced, and not the beginning of another's.
fn replaced(text: &str, folder: &str, shown: &str) -> String {
    let mut pieces = text.split(folder).peekable();
    let mut replaced = String::with_capacity(text.len());
    while let Some(piece) = pieces.next() {
        replaced.push_str(piece);
        if let Some(next) = pieces.peek() {
            let goes_on = next.starts_with(|c: char| c.is_alphanumeric() || "-_.".contains(c));
            let begun = piece.ends_with(|c: char| c.is_alphanumeric() || "-_./~".contains(c));
            let is_inside = goes_on || (begun && !piece.ends_with("file://"));
            replaced.push_str(if is_inside { folder } else { shown });
        }
    }
    replaced
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::line::lines_of;

    #[test]
    fn a_package_has_its_name_for_a_path() {
        let root = Path::new("/somewhere/book");
        let dir = Path::new("/somewhere/book/target/mdbook-live/listings/one");
        let neutral = NeutralPaths::of(root, dir, "adder");
        let line = &lines_of(&format!("   Compiling adder v0.1.0 ({})", dir.display()))[0];
        assert_eq!(
            neutral.line(line).text(),
            "   Compiling adder v0.1.0 (/projects/adder)"
        );
        for (told, shown) in [
            (
                "no /somewhere/book-old/x in /somewhere/book",
                "no /somewhere/book-old/x in /projects/book",
            ),
            (
                "see https://x.org/somewhere/book",
                "see https://x.org/somewhere/book",
            ),
            ("in file:///somewhere/book/x", "in file:///projects/book/x"),
        ] {
            assert_eq!(neutral.line(&lines_of(told)[0]).text(), shown);
        }
    }
}
