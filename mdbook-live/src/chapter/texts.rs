//! What a chapter says in words: without outputs, listings and pictures.

use std::path::PathBuf;

use mdbook_preprocessor::book::Chapter;
use pulldown_cmark::{Event, Parser, Tag, TagEnd};

use super::glossary::sentence_ends;
use super::markdown::options;

/// A description is cut at the end of a sentence below so many characters.
const MOST_DESCRIBED: usize = 200;

/// A chapter in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChapterText {
    /// Its page, from the root of the built book.
    pub page: PathBuf,
    /// Its title.
    pub title: String,
    /// Its text as Markdown.
    pub prose: String,
    /// What it is about, for those who have not opened it: the author's words for that, or the
    /// beginning of its first paragraph.
    pub description: Option<String>,
}

impl ChapterText {
    /// `None`: the chapter is a draft, and has no page.
    pub(super) fn of(chapter: &Chapter, prose: &str, described: Option<String>) -> Option<Self> {
        Some(ChapterText {
            page: chapter.path.as_ref()?.with_extension("html"),
            title: chapter.name.clone(),
            prose: prose.to_owned(),
            description: described.or_else(|| beginning(&first_paragraph(prose)?)),
        })
    }
}

/// The first paragraph of a chapter that has words, without what marks it up.
fn first_paragraph(prose: &str) -> Option<String> {
    let mut depth = 0_usize;
    let mut paragraph = String::new();
    for event in Parser::new_ext(prose, options()) {
        let inside = depth == 1;
        match event {
            Event::Start(Tag::Paragraph) if depth == 0 => depth = 1,
            Event::End(TagEnd::Paragraph) if depth == 1 => {
                let words: Vec<&str> = paragraph.split_whitespace().collect();
                if !words.is_empty() {
                    return Some(words.join(" "));
                }
                depth = 0;
            }
            Event::Start(Tag::Emphasis | Tag::Strong | Tag::Link { .. } | Tag::Strikethrough) => {}
            Event::End(
                TagEnd::Emphasis | TagEnd::Strong | TagEnd::Link | TagEnd::Strikethrough,
            ) => {}
            // Lists, quotations and tables are no paragraphs of the chapter itself.
            Event::Start(_) => depth += 2,
            Event::End(_) => depth = depth.saturating_sub(2),
            Event::Text(text) | Event::Code(text) if inside => paragraph.push_str(&text),
            Event::SoftBreak | Event::HardBreak if inside => paragraph.push(' '),
            _ => {}
        }
    }
    None
}

/// As many sentences as fit; of a first one that does not, as many words.
fn beginning(paragraph: &str) -> Option<String> {
    let fits = |end: &usize| paragraph[..*end].trim_end().chars().count() < MOST_DESCRIBED;
    let mut ends = sentence_ends(paragraph);
    ends.push(paragraph.len());
    if let Some(end) = ends.into_iter().rfind(fits) {
        return Some(paragraph[..end].trim_end().to_owned());
    }
    let mut spaces = paragraph.match_indices(' ').map(|(at, _)| at);
    let end = spaces.rfind(fits)?;
    Some(format!(
        "{}…",
        paragraph[..end].trim_end_matches([',', ';', ':'])
    ))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn described(prose: &str) -> Option<String> {
        let chapter = Chapter::new("One", String::new(), "part/one.md", Vec::new());
        let text = ChapterText::of(&chapter, prose, None).expect("it has a page");
        assert_eq!(text.page, Path::new("part/one.html"));
        text.description
    }

    #[test]
    fn a_chapter_is_described_by_its_first_paragraph_without_its_marks() {
        let prose = "<style>\np {}\n</style>\n\n# One\n\n> Quoted.\n\n- A list.\n\n\
                     <div class=\"x\">\n<p>HTML</p>\n</div>\n\n\
                     Your *list* has a `static` in\n[three](x.md) <span>processes</span>. Why?\n\nMore.\n";
        assert_eq!(
            described(prose).as_deref(),
            Some("Your list has a static in three processes. Why?")
        );
        assert_eq!(described("# One\n\n```\ncode\n```\n"), None);
    }

    #[test]
    fn a_description_ends_with_a_sentence_or_else_with_a_word() {
        let sentence = format!("It {}ends.", "is long and ".repeat(8));
        assert_eq!(sentence.len(), 104);
        let two = format!("# One\n\n{sentence} {sentence}\n");
        assert_eq!(described(&two).as_deref(), Some(&sentence[..]));
        let both = format!("# One\n\n{} Short.\n", sentence);
        assert_eq!(described(&both), Some(format!("{sentence} Short.")));
        let endless = format!("# One\n\nIt {}ends.\n", "is, äs, lông, ".repeat(30));
        let cut = described(&endless).expect("some of it");
        assert!(cut.ends_with('…') && !cut.ends_with(",…"), "{cut}");
        assert!((185..=200).contains(&cut.chars().count()), "{cut}");
    }

    #[test]
    fn a_draft_has_no_text() {
        let draft = Chapter::new_draft("Later", Vec::new());
        assert_eq!(ChapterText::of(&draft, "Words.", None), None);
    }
}
