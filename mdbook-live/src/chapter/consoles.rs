//! Blocks of code that only include the text file of a run: they are shown as that run, so that
//! a book which keeps its outputs in files need not change its chapters.
//!
//! ````text
//! ```console
//! {{#include ../listings/demo/output.txt}}
//! ```
//! ````

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use mdbook_preprocessor::book::BookItem;
use regex::Regex;

use crate::book::listing::Book;
use crate::text::paths::normal;

/// What opens or closes a block of code.
static FENCE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^( {0,3})(`{3,}|~{3,})([^`]*)$").expect("a constant pattern"));

/// All of a line that includes a whole file.
static INCLUDE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^ *\{\{#include +([^}\s:]+) *\}\} *$").expect("a constant pattern")
});

/// The text files of a book's runs.
pub(super) struct Consoles {
    /// Each by its path from the book's root, with its run's full name.
    runs: HashMap<PathBuf, String>,
}

impl Consoles {
    pub(super) fn of(book: &Book) -> Consoles {
        let mut runs = HashMap::new();
        for run in book.runs() {
            if let Some(text) = &run.run.text {
                let path = run.listing.dir.join(text);
                let path = normal(book.relative(&path));
                // Of several with one file, the first has it.
                runs.entry(path).or_insert_with(|| run.full_name());
            }
        }
        Consoles { runs }
    }

    /// Has these blocks of chapters as directives; the chapters are in the folder `src`.
    pub(super) fn show_runs(&self, items: &mut [BookItem], src: &Path) {
        for item in items {
            let BookItem::Chapter(chapter) = item else {
                continue;
            };
            let path = chapter.source_path.as_deref().unwrap_or(Path::new(""));
            let folder = src.join(path.parent().unwrap_or(path));
            chapter.content = self.as_runs(&chapter.content, &folder);
            self.show_runs(&mut chapter.sub_items, src);
        }
    }

    /// A chapter with these blocks as directives; `folder` is the chapter's, from the book's root.
    fn as_runs(&self, text: &str, folder: &Path) -> String {
        if self.runs.is_empty() {
            return text.to_owned();
        }
        let lines: Vec<&str> = text.lines().collect();
        let mut shown = String::with_capacity(text.len());
        // What closes the block that is open.
        let mut open: Option<&str> = None;
        let mut at = 0;
        while at < lines.len() {
            let fence = FENCE.captures(lines[at]);
            let fence = fence.and_then(|found| {
                let (indent, marks) = (found.get(1)?.as_str(), found.get(2)?.as_str());
                Some((indent, marks, found.get(3)?.as_str().trim()))
            });
            match (fence, open) {
                (Some((indent, marks, _)), None) => {
                    if let Some(run) = self.only_included(&lines[at + 1..], marks, folder) {
                        // As many lines: what is said of a later one stays right.
                        shown += &format!("{indent}{{{{#run {run}}}}}\n\n\n");
                        at += 3;
                        continue;
                    }
                    open = Some(marks);
                }
                (Some((_, marks, "")), Some(opened)) if marks.starts_with(opened) => open = None,
                _ => {}
            }
            shown += lines[at];
            shown.push('\n');
            at += 1;
        }
        shown
    }

    /// The run whose text is all that a block includes; `rest` is what follows its first line.
    fn only_included(&self, rest: &[&str], marks: &str, folder: &Path) -> Option<&str> {
        let [inside, end, ..] = rest else {
            return None;
        };
        let path = INCLUDE.captures(inside)?.get(1)?.as_str();
        let closes =
            end.trim().starts_with(marks) && end.trim().trim_start_matches(&marks[..1]).is_empty();
        let run = self.runs.get(&normal(&folder.join(path)));
        run.filter(|_| closes).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_that_only_includes_a_run_s_text_is_the_run() {
        let path = PathBuf::from("listings/a/one/output.txt");
        let consoles = Consoles {
            runs: HashMap::from([(path, "a/one/run".to_owned())]),
        };
        let shown = |text: &str| consoles.as_runs(text, Path::new("src/deep"));
        let block = |inside: &str| format!("Text\n\n```console\n{inside}\n```\n\nMore\n");
        let include = "{{#include ../../listings/a/one/output.txt}}";
        assert_eq!(
            shown(&block(include)),
            "Text\n\n{{#run a/one/run}}\n\n\n\nMore\n"
        );
        for other in [
            block("{{#include ../../listings/a/two/output.txt}}"),
            block(&format!("$ cargo run\n{include}")),
            block(&format!("\\{include}")),
            block("{{#include ../../listings/a/one/output.txt:part}}"),
            format!("````text\n```console\n{include}\n```\n````\n"),
        ] {
            assert_eq!(shown(&other), other);
        }
    }
}
