//! Which files, by which tools, under which names.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use mdbook_driver::config::Config;

use super::{epub, pdf};
use crate::chapter::preprocessor::LivePreprocessor;
use crate::run::tool::Tool;

/// A form of the whole book in one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paper {
    /// Pages.
    Pdf,
    /// For readers of electronic books.
    Epub,
}

impl Paper {
    /// "PDF"
    pub fn word(self) -> &'static str {
        match self {
            Paper::Pdf => "PDF",
            Paper::Epub => "EPUB",
        }
    }

    fn tool(self) -> Result<Tool> {
        match self {
            Paper::Pdf => Tool::find(
                &["chromium", "chromium-browser", "google-chrome"],
                "chromium",
            ),
            Paper::Epub => Tool::find(&["pandoc"], "pandoc"),
        }
    }

    /// The file's name: `THE-TITLE.pdf`.
    fn file_name(self, title: &str) -> String {
        let letters = title.to_lowercase();
        let words = letters.split(|c: char| !c.is_alphanumeric());
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        let name = if words.is_empty() {
            "book".to_owned()
        } else {
            words.join("-")
        };
        format!("{name}.{}", self.word().to_lowercase())
    }
}

/// A file that was made.
#[derive(Debug, Clone)]
pub struct Made {
    /// What it is.
    pub paper: Paper,
    /// Where it lies.
    pub path: PathBuf,
}

impl Made {
    /// Its name.
    pub fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }
}

/// Makes the files of the book of `root` in `folder`.
///
/// # Errors
///
/// When a tool is missing, before anything is made; when one fails, or a chapter is wrong.
pub fn make(
    root: &Path,
    config: &Config,
    papers: &[Paper],
    folder: &Path,
    without_solutions: bool,
) -> Result<Vec<Made>> {
    let tools: Result<Vec<Tool>> = papers.iter().map(|paper| paper.tool()).collect();
    let title = config.book.title.as_deref().unwrap_or_default();
    let live = || LivePreprocessor {
        without_solutions,
        ..LivePreprocessor::default()
    };
    let mut made = Vec::new();
    for (paper, tool) in papers.iter().zip(tools?) {
        let path = folder.join(paper.file_name(title));
        match paper {
            Paper::Pdf => pdf::make(root, config.clone(), live(), &tool, &path),
            Paper::Epub => epub::make(root, config.clone(), live(), &tool, &path),
        }
        .with_context(|| format!("making the {}", paper.word()))?;
        made.push(Made {
            paper: *paper,
            path,
        });
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_the_books_title_in_letters_that_an_address_can_have() {
        for (title, name) in [
            ("Fork, Spawn, Share", "fork-spawn-share.pdf"),
            ("  C++ & Rust! ", "c-rust.pdf"),
            ("", "book.pdf"),
        ] {
            assert_eq!(Paper::Pdf.file_name(title), name);
        }
    }
}
