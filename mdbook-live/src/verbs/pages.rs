//! Whether the pages of a book can be made, without making them.

use std::path::Path;

use anyhow::{Context, Result};
use mdbook_driver::MDBook;
use mdbook_driver::config::Config;
use mdbook_preprocessor::{Preprocessor, PreprocessorContext};

use crate::book::listing::Book;
use crate::chapter::preprocessor::LivePreprocessor;
use crate::chapter::survey::runs_shown;

/// What there is to say of a book's pages.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Pages {
    /// What stops a build, a sentence each: `src/one.md:3: no run demo/gone`.
    pub problems: Vec<String>,
    /// The full names of runs that no page shows.
    pub not_shown: Vec<String>,
}

/// Expands the directives of all chapters.
///
/// # Errors
///
/// When the book cannot be read.
pub fn look(book: &Book) -> Result<Pages> {
    let root = &book.root;
    let path = root.join("book.toml");
    let config = Config::from_disk(&path);
    let mut config = config.with_context(|| format!("reading {}", path.display()))?;
    // Nothing is written here.
    config.build.create_missing = false;
    if !root.join(&config.book.src).join("SUMMARY.md").is_file() {
        // A folder of listings, of which somebody else makes pages.
        return Ok(Pages::default());
    }
    let chapters = MDBook::load_with_config(root, config.clone())?.book;
    let shown = runs_shown(&chapters.items, book, Path::new(&config.book.src));
    let not_shown = book.runs().map(|run| run.full_name());
    let not_shown = not_shown.filter(|run| !shown.contains(run)).collect();
    let context = PreprocessorContext::new(root.clone(), config, "html".to_owned());
    let expanded = LivePreprocessor::default().run(&context, chapters);
    let problems = expanded.err().map(|error| format!("{error:#}"));
    let problems = problems.iter().flat_map(|text| text.lines());
    Ok(Pages {
        problems: problems.map(str::to_owned).collect(),
        not_shown,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture_book::{book, write};

    #[test]
    fn what_a_page_names_and_there_is_not_is_told_and_so_is_what_no_page_shows() {
        let dir = book();
        let text = "# One\n\n{{#run demo/fork}}\n\n{{#run demo/gone}}\n";
        write(dir.path(), "src/one.md", text);
        let book = Book::open(dir.path()).expect("the book is right");
        let pages = look(&book).expect("it can be read");
        assert_eq!(pages.not_shown, ["demo/fast", "demo/new"]);
        let [problem] = &pages.problems[..] else {
            panic!("{pages:?}");
        };
        assert!(
            problem.starts_with("src/one.md:5: no run demo/gone"),
            "{problem}"
        );
    }
}
