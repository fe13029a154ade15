//! The plain form of the book, bound by pandoc.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use maud::html;
use mdbook_driver::MDBook;
use mdbook_driver::builtin_renderers::MarkdownRenderer;
use mdbook_driver::config::Config;
use sha2::{Digest, Sha256};

use super::document;
use crate::chapter::preprocessor::LivePreprocessor;
use crate::run::tool::Tool;

const LIMIT: Duration = Duration::from_secs(300);

/// How it looks; what a reader of books does not know of it does no harm.
const CSS: &str = include_str!("epub.css");

/// Binds the book into the file `made`.
pub(super) fn make(
    root: &Path,
    config: Config,
    live: LivePreprocessor,
    pandoc: &Tool,
    made: &Path,
) -> Result<()> {
    let about = config.book.clone();
    let mut book = MDBook::load_with_config(root, config)?;
    book.with_preprocessor(live);
    let (chapters, _) = book.preprocess_book(&MarkdownRenderer::new())?;
    let title = about.title.as_deref().unwrap_or("Untitled");
    let description = about.description.as_deref().unwrap_or_default();
    let language = about.language.as_deref().unwrap_or("en");
    let folder = tempfile::tempdir().context("making a folder for the chapters")?;
    let write = |name: &str, text: &str| -> Result<String> {
        let path = folder.path().join(name);
        std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
        Ok(path.display().to_string())
    };
    let smart = book
        .config
        .html_config()
        .is_none_or(|html| html.smart_punctuation);
    let document = document::html(&chapters, title, language, smart);
    // YAML contains JSON.
    let metadata = serde_json::json!({
        "title": title,
        "author": about.authors,
        "lang": language,
        "description": description,
        "identifier": identifier(title, &about.authors),
    });
    let arguments = [
        "--from=html".to_owned(),
        "--to=epub3".to_owned(),
        "--toc-depth=2".to_owned(),
        "--highlight-style=kate".to_owned(),
        format!("--css={}", write("epub.css", CSS)?),
        format!(
            "--epub-cover-image={}",
            write("cover.svg", &cover(title, description))?
        ),
        format!(
            "--metadata-file={}",
            write("metadata.json", &metadata.to_string())?
        ),
        format!("--resource-path={}", book.source_dir().display()),
        format!("--output={}", made.display()),
        write("book.html", &document)?,
    ];
    pandoc.make(made, &arguments, LIMIT)
}

/// The same for each issue of a book: a UUID of its title and authors.
fn identifier(title: &str, authors: &[String]) -> String {
    let hash = Sha256::digest(format!("{title}\n{}", authors.join("\n")));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    // Version 8, of the application's own making (RFC 9562).
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let (a, b, c, d, e) = (
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..],
    );
    format!("urn:uuid:{a}-{b}-{c}-{d}-{e}")
}

/// The title and what the book is about, on a cover.
fn cover(title: &str, description: &str) -> String {
    let title = wrapped(title, 14);
    let description = wrapped(description, 44);
    let below = 420 + 110 * title.len();
    html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 1200" width="800" height="1200" font-family="sans-serif" {
            rect width="800" height="1200" fill="#12324f" {}
            rect x="70" y="220" width="120" height="10" fill="#e4c56c" {}
            @for (nth, line) in title.iter().enumerate() {
                text x="70" y=(360 + 110 * nth) font-size="92" font-weight="bold" fill="#fff" { (line) }
            }
            @for (nth, line) in description.iter().enumerate() {
                text x="70" y=(below + 44 * nth) font-size="29" fill="#d5e0ea" { (line) }
            }
        }
    }
    .into_string()
}

/// Lines of at most so many characters, but for longer words.
fn wrapped(text: &str, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= most => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_book_keeps_its_identifier_and_another_has_another() {
        let authors = ["One".to_owned()];
        let one = identifier("A book", &authors);
        assert_eq!(one, identifier("A book", &authors));
        assert_ne!(one, identifier("Another", &authors));
        assert_eq!(one.len(), "urn:uuid:".len() + 36);
    }

    #[test]
    fn a_cover_has_the_whole_title_in_lines_that_fit() {
        assert_eq!(wrapped("Fork, Spawn, Share", 14), ["Fork, Spawn,", "Share"]);
        assert!(cover("A & B", "").contains("A &amp; B"));
    }
}
