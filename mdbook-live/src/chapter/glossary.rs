//! The words that the chapters define: where, by which sentence, and where each is used first.

use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use anyhow::{Context, Result, bail};
use mdbook_preprocessor::book::BookItem;
use pulldown_cmark::{Event, Parser, Tag};
use regex::Regex;

use super::directives::{self, Definition, Directive, Place};
use super::markdown::options;
use crate::page::form::Form;

/// A word that a chapter defines.
#[derive(Debug, Clone)]
pub(super) struct Term {
    /// Its names: the first is what the glossary calls it.
    pub(super) names: Vec<String>,
    /// The chapter's title.
    pub(super) chapter: String,
    /// The page of the chapter, from the book's root.
    pub(super) page: PathBuf,
    /// The id of the place on that page.
    pub(super) id: String,
    /// The chapter's own words for it, as Markdown.
    pub(super) sentence: String,
}

/// The terms of a book, and how to find them in a text.
pub(super) struct Glossary {
    pub(super) terms: Vec<Term>,
    /// Matches any name, and any phrase that only looks like one.
    names: Option<Regex>,
    /// The terms of each form of a name, by their places.
    forms: HashMap<String, Vec<usize>>,
}

/// The first use of a term on a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Use {
    /// Its bytes in the chapter.
    pub(super) range: Range<usize>,
    /// The place of the term among [`Glossary::terms`].
    pub(super) term: usize,
}

impl Glossary {
    /// What the chapters define. `not` are phrases that are no use of a term, as "this page".
    ///
    /// # Errors
    ///
    /// When a term is defined twice.
    pub(super) fn of(
        items: &[BookItem],
        others_may_follow: bool,
        not: &[String],
        form: &dyn Form,
    ) -> Result<Self> {
        let mut terms = Vec::new();
        collect(items, others_may_follow, form, &mut terms)?;
        let mut forms: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, term) in terms.iter().enumerate() {
            for form in term
                .names
                .iter()
                .flat_map(|name| forms_of(name, &["", "s", "es"]))
            {
                forms.entry(form).or_default().push(at);
            }
        }
        // A longer one first: "page table" is no use of "page", nor is "this page".
        let mut all: Vec<String> = forms.keys().cloned().collect();
        all.extend(not.iter().flat_map(|phrase| forms_of(phrase, &[""])));
        all.sort_by_key(|form| (std::cmp::Reverse(form.len()), form.clone()));
        let all: Vec<String> = all
            .iter()
            .map(|form| regex::escape(form).replace(' ', r"\s"))
            .collect();
        let names = (!terms.is_empty())
            .then(|| Regex::new(&format!(r"\b(?:{})\b", all.join("|"))))
            .transpose()
            .context("the names of the glossary")?;
        Ok(Glossary {
            terms,
            names,
            forms,
        })
    }

    /// The term that a word is on the page `here`, if it is one: of two with that name the
    /// page's own, else the first.
    fn term(&self, word: &str, here: &Path) -> Option<usize> {
        let word = word.split_whitespace().collect::<Vec<_>>().join(" ");
        let known = self.forms.get(&word)?;
        let own = known.iter().find(|term| self.terms[**term].page == here);
        own.or(known.first()).copied()
    }

    /// The first use of each term in the `prose` of the page `here`, outside of what is `cited`;
    /// where the page defines it, only one that comes before.
    pub(super) fn uses(
        &self,
        here: &Path,
        markdown: &str,
        prose: &[Range<usize>],
        places: &[Place],
        cited: &[Range<usize>],
    ) -> Vec<Use> {
        let Some(names) = &self.names else {
            return Vec::new();
        };
        let defined = |term: usize| {
            places.iter().find_map(|place| match &place.directive {
                Ok(Directive::Define(definition))
                    if self.terms[term].page == here
                        && self.terms[term].names == definition.names =>
                {
                    Some(place.range.start)
                }
                _ => None,
            })
        };
        let mut uses: Vec<Use> = Vec::new();
        let mut seen = vec![false; self.terms.len()];
        for range in prose {
            for found in names.find_iter(&markdown[range.clone()]) {
                let Some(term) = self.term(found.as_str(), here) else {
                    continue;
                };
                let at = range.start + found.start();
                // "fork(2)" is no use of "fork".
                if cited.iter().any(|cited| cited.contains(&at)) {
                    continue;
                }
                if std::mem::replace(&mut seen[term], true)
                    || defined(term).is_some_and(|defined| at > defined)
                {
                    continue;
                }
                uses.push(Use {
                    range: at..range.start + found.end(),
                    term,
                });
            }
        }
        uses
    }
}

/// The forms in which a sentence has a name: at its beginning and elsewhere, with each ending.
fn forms_of(name: &str, endings: &[&str]) -> Vec<String> {
    let mut letters = name.chars();
    let first = letters.next();
    let first: String = first.into_iter().flat_map(char::to_uppercase).collect();
    let mut beginnings = vec![name.to_owned(), first + letters.as_str()];
    beginnings.dedup();
    let with_endings = |name: &String| {
        endings
            .iter()
            .map(|ending| format!("{name}{ending}"))
            .collect()
    };
    beginnings
        .iter()
        .flat_map::<Vec<String>, _>(with_endings)
        .collect()
}

fn collect(
    items: &[BookItem],
    others_may_follow: bool,
    form: &dyn Form,
    terms: &mut Vec<Term>,
) -> Result<()> {
    for item in items {
        let BookItem::Chapter(chapter) = item else {
            continue;
        };
        if let Some(path) = &chapter.path {
            let places = directives::find(&chapter.content, others_may_follow);
            let blocks = blocks(&chapter.content);
            for place in &places {
                let Ok(Directive::Define(definition)) = &place.directive else {
                    continue;
                };
                // Two terms may share a further name: each is meant where it is explained.
                let known = |term: &&Term| term.names[0] == definition.names[0];
                if let Some(known) = terms.iter().find(known) {
                    bail!(
                        "{}:{}: {} is defined in {} already",
                        path.display(),
                        place.line,
                        definition.names[0],
                        known.chapter
                    );
                }
                terms.push(Term {
                    names: definition.names.clone(),
                    chapter: chapter.name.clone(),
                    page: form.page_of(path),
                    id: id_of(definition),
                    sentence: sentence(&chapter.content, &blocks, place, definition),
                });
            }
        }
        collect(&chapter.sub_items, others_may_follow, form, terms)?;
    }
    Ok(())
}

/// The id of the place that defines a term.
pub(super) fn id_of(definition: &Definition) -> String {
    let letters = definition.names[0].chars();
    let letters = letters.map(|c| if c.is_ascii_alphanumeric() { c } else { '-' });
    format!("term-{}", letters.collect::<String>())
}

/// The sentence that defines a term, with those around it that the author asks for.
fn sentence(
    markdown: &str,
    blocks: &[Range<usize>],
    place: &Place,
    definition: &Definition,
) -> String {
    let around = blocks
        .iter()
        .filter(|block| block.contains(&place.range.start));
    let block = around.min_by_key(|block| block.len());
    let block = block.cloned().unwrap_or(0..markdown.len());
    let text = &markdown[block.clone()];
    let mut ends = sentence_ends(text);
    ends.insert(0, 0);
    ends.push(text.len());
    let at = place.range.start - block.start;
    let number = ends
        .windows(2)
        .position(|ends| ends[0] <= at && at < ends[1]);
    let number = number.unwrap_or(0);
    let first = number.saturating_sub(definition.before);
    let last = (number + definition.after).min(ends.len() - 2);
    text[ends[first]..ends[last + 1]].trim().to_owned()
}

/// The paragraphs, list items and table cells of a chapter.
fn blocks(markdown: &str) -> Vec<Range<usize>> {
    let events = Parser::new_ext(markdown, options()).into_offset_iter();
    let blocks = events.filter_map(|(event, range)| {
        let is_block = matches!(
            event,
            Event::Start(
                Tag::Paragraph | Tag::Item | Tag::TableCell | Tag::DefinitionListDefinition
            )
        );
        is_block.then_some(range)
    });
    blocks.collect()
}

/// Where the sentences of a paragraph end, but for the last one.
pub(super) fn sentence_ends(text: &str) -> Vec<usize> {
    static END: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"[.!?]["')\]*]*\s+"#).expect("the pattern is a constant and valid")
    });
    let begins_one = |end: usize| {
        let next = text[end..].chars().next();
        next.is_some_and(|c| c.is_uppercase() || "*`[{\"'(".contains(c))
    };
    END.find_iter(text)
        .map(|found| found.end())
        .filter(|end| begins_one(*end))
        .collect()
}

/// The parts of a chapter that are prose: no code, no heading, no link, no directive.
pub(super) fn prose(markdown: &str, places: &[Place]) -> Vec<Range<usize>> {
    let mut parts: Vec<Range<usize>> = Vec::new();
    let mut closed = 0_usize;
    for (event, range) in Parser::new_ext(markdown, options()).into_offset_iter() {
        match event {
            Event::Start(
                Tag::Heading { .. }
                | Tag::Link { .. }
                | Tag::Image { .. }
                | Tag::CodeBlock(_)
                | Tag::HtmlBlock
                | Tag::MetadataBlock(_),
            ) => closed = closed.max(range.end),
            Event::Text(_) if range.start >= closed => match parts.last_mut() {
                // What is one text to a reader may be several to the parser.
                Some(last) if last.end == range.start => last.end = range.end,
                _ => parts.push(range),
            },
            _ => {}
        }
    }
    let mut prose = Vec::new();
    for part in parts {
        let mut at = part.start;
        let inside = places.iter().map(|place| &place.range);
        for place in inside.filter(|place| place.start < part.end && place.end > part.start) {
            if at < place.start {
                prose.push(at..place.start);
            }
            at = at.max(place.end);
        }
        if at < part.end {
            prose.push(at..part.end);
        }
    }
    prose
}

/// A sentence without what marks it up, for a tool tip; `None`: a directive is in it.
pub(super) fn plain(sentence: &str, places: &[Place]) -> Option<String> {
    let mut text = String::new();
    let mut from = 0;
    for place in places {
        let Ok(Directive::Define(definition)) = &place.directive else {
            return None;
        };
        text.push_str(&sentence[from..place.range.start]);
        text.push_str(&definition.shown);
        from = place.range.end;
    }
    text.push_str(&sentence[from..]);
    let parts = Parser::new_ext(&text, options());
    let parts = parts.filter_map(|event| match event {
        Event::Text(part) | Event::Code(part) => Some(part.into_string()),
        Event::SoftBreak => Some(" ".to_owned()),
        _ => None,
    });
    Some(parts.collect())
}

#[cfg(test)]
mod tests {
    use mdbook_preprocessor::book::Chapter;

    use super::*;
    use crate::page::form::Html;

    fn chapters(texts: &[(&str, &str)]) -> Vec<BookItem> {
        let items = texts.iter().map(|(path, text)| {
            BookItem::Chapter(Chapter::new(path, (*text).to_owned(), *path, Vec::new()))
        });
        items.collect()
    }

    fn glossary(texts: &[(&str, &str)]) -> Glossary {
        Glossary::of(&chapters(texts), false, &["this page".to_owned()], &Html)
            .expect("it is right")
    }

    fn used(glossary: &Glossary, page: &str, text: &str) -> Vec<(String, String)> {
        let places = directives::find(text, false);
        let cited: Vec<Range<usize>> = text
            .match_indices("page(2)")
            .map(|(at, it)| at..at + it.len())
            .collect();
        let prose = prose(text, &places);
        let uses = glossary.uses(Path::new(page), text, &prose, &places, &cited);
        let uses = uses.into_iter().map(|one| {
            let name = glossary.terms[one.term].names[0].clone();
            (text[one.range].to_owned(), name)
        });
        uses.collect()
    }

    fn pair(word: &str, name: &str) -> (String, String) {
        (word.to_owned(), name.to_owned())
    }

    const MEMORY: &str = "# Memory\n\nA first one. The unit is a {{#define page}} of 4 KiB. More.\n\n\
                          It is told in a table. That is a {{#define page table | page table, table | -1}}.\n";

    #[test]
    fn a_definition_is_the_sentence_that_has_it_or_more_where_the_author_says_so() {
        let glossary = glossary(&[("memory.md", MEMORY)]);
        let sentences: Vec<&str> = glossary
            .terms
            .iter()
            .map(|term| &term.sentence[..])
            .collect();
        assert_eq!(
            sentences,
            [
                "The unit is a {{#define page}} of 4 KiB.",
                "It is told in a table. That is a {{#define page table | page table, table | -1}}.",
            ]
        );
        assert_eq!(glossary.terms[1].id, "term-page-table");
    }

    #[test]
    fn the_first_use_in_prose_is_found_in_any_form() {
        let glossary = glossary(&[("memory.md", MEMORY)]);
        let text = "# Page tables\n\n`page` on this page, page(2), [a page](x.md), Page tables and two pages, a page.\n\n\
                    ```\npage\n```\n\nThe tables.\n";
        assert_eq!(
            used(&glossary, "later.html", text),
            [pair("Page tables", "page table"), pair("pages", "page")]
        );
    }

    #[test]
    fn where_a_page_defines_a_term_only_an_earlier_use_counts() {
        let glossary = glossary(&[("memory.md", MEMORY)]);
        assert_eq!(
            used(&glossary, "memory.html", MEMORY),
            [pair("table", "page table")]
        );
        let early = MEMORY.replace("A first one.", "A page.");
        assert_eq!(
            used(&glossary, "memory.html", &early)[0],
            pair("page", "page")
        );
    }

    #[test]
    fn a_word_is_defined_once() {
        let texts = [
            ("one.md", MEMORY),
            ("two.md", "A {{#define page table}} is one.\n"),
        ];
        let error = Glossary::of(&chapters(&texts), false, &[], &Html)
            .err()
            .expect("twice");
        assert_eq!(
            error.to_string(),
            "two.md:1: page table is defined in one.md already"
        );
    }

    #[test]
    fn of_two_terms_with_one_name_a_page_means_its_own() {
        let joinery = "A {{#define table | wooden table, table}} has legs.\n\nA table.\n";
        let glossary = glossary(&[("memory.md", MEMORY), ("joinery.md", joinery)]);
        assert_eq!(used(&glossary, "joinery.html", joinery), []);
        assert_eq!(
            used(&glossary, "other.html", "A table."),
            [pair("table", "page table")]
        );
    }

    #[test]
    fn a_tool_tip_is_plain() {
        let text = "A *big* `x` {{#define frame | frame}}, see [proc(5)](y).";
        let places = directives::find(text, false);
        assert_eq!(
            plain(text, &places).as_deref(),
            Some("A big x frame, see proc(5).")
        );
        let text = "It has {{#figure a/b c}}.";
        assert_eq!(plain(text, &directives::find(text, false)), None);
    }
}
