//! All chapters of a book as one document of HTML, with ids of which each is there once and with
//! links that lead to them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use maud::html;
use mdbook_preprocessor::book::{Book, BookItem, Chapter};
use pulldown_cmark::{
    CodeBlockKind, CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html as writer,
};
use regex::{Captures, Regex};

use crate::text::markdown;
use crate::text::paths::normal;

/// The document: its chapters begin with headings of the first level, and so do its parts.
pub(super) fn html(book: &Book, title: &str, language: &str, smart: bool) -> String {
    let mut binder = Binder {
        options: markdown::options(),
        chapters: Vec::new(),
        ids: BTreeSet::new(),
    };
    binder.options.set(Options::ENABLE_SMART_PUNCTUATION, smart);
    binder.chapters = chapters(&book.items);
    for chapter in chapters(&book.items) {
        binder.take_ids(chapter);
    }
    let mut body = String::new();
    binder.items(&book.items, &mut body);
    let head = html! { meta charset="utf-8"; title { (title) } }.into_string();
    format!(
        "<!DOCTYPE html>\n<html lang=\"{language}\"><head>{head}</head><body>\n{body}</body></html>\n"
    )
}

/// The chapters that there are, in reading order.
fn chapters(items: &[BookItem]) -> Vec<&Chapter> {
    let mut found = Vec::new();
    for item in items {
        if let BookItem::Chapter(chapter) = item {
            found.extend(chapter.path.as_ref().map(|_| chapter));
            found.extend(chapters(&chapter.sub_items));
        }
    }
    found
}

struct Binder<'a> {
    options: Options,
    chapters: Vec<&'a Chapter>,
    /// All that the document has.
    ids: BTreeSet<String>,
}

impl<'a> Binder<'a> {
    fn items(&self, items: &'a [BookItem], body: &mut String) {
        for item in items {
            match item {
                BookItem::PartTitle(title) => {
                    *body += &html! { h1.part { (title) } }.into_string();
                    body.push('\n');
                }
                BookItem::Separator => {}
                BookItem::Chapter(chapter) => {
                    if chapter.path.is_some() {
                        writer::push_html(body, self.events(chapter).into_iter());
                    }
                    self.items(&chapter.sub_items, body);
                }
            }
        }
    }

    fn take_ids(&mut self, chapter: &Chapter) {
        let mut text = String::new();
        writer::push_html(&mut text, self.events(chapter).into_iter());
        self.ids
            .extend(ID.captures_iter(&text).map(|found| found[1].to_owned()));
    }

    /// A chapter as the document has it.
    fn events<'c>(&self, chapter: &'c Chapter) -> Vec<Event<'c>> {
        let mut slugs = BTreeSet::new();
        let mut events: Vec<Event<'c>> = Vec::new();
        // Where the heading under way begins, and its text.
        let mut heading: Option<(usize, String)> = None;
        // Of each link under way, whether it leads anywhere.
        let mut leads: Vec<bool> = Vec::new();
        let mut is_title = true;
        for event in Parser::new_ext(&chapter.content, self.options) {
            let event = match event {
                Event::Start(Tag::Heading { .. }) => {
                    heading = Some((events.len(), String::new()));
                    event
                }
                Event::End(TagEnd::Heading(mut end)) => {
                    if let Some((at, text)) = heading.take()
                        && let Event::Start(Tag::Heading { level, id, .. }) = &mut events[at]
                    {
                        let slug = id.take().map_or_else(|| slug(&text), |id| id.to_string());
                        let slug = unique(slug, &mut slugs);
                        if std::mem::take(&mut is_title) {
                            // Each chapter begins with a heading of the first level.
                            *id = Some(prefix(chapter).into());
                            (*level, end) = (HeadingLevel::H1, HeadingLevel::H1);
                            events.splice(at + 1..at + 1, number(chapter));
                        } else {
                            *id = Some(id_in(chapter, &slug).into());
                        }
                    }
                    Event::End(TagEnd::Heading(end))
                }
                // A language that pandoc knows it by.
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                    let language = info.split([',', ' ']).next().unwrap_or_default();
                    let pre = html! { pre class=(language) { code {} } }.into_string();
                    let opening = pre.strip_suffix("</code></pre>").unwrap_or(&pre).to_owned();
                    Event::Html(opening.into())
                }
                Event::Start(Tag::CodeBlock(CodeBlockKind::Indented)) => {
                    Event::Html("<pre><code>".into())
                }
                Event::End(TagEnd::CodeBlock) => Event::Html("</code></pre>\n".into()),
                Event::Start(Tag::Link {
                    link_type,
                    dest_url,
                    title,
                    id,
                }) => {
                    let address = self.link(chapter, dest_url);
                    leads.push(address.is_some());
                    let Some(dest_url) = address else { continue };
                    Event::Start(Tag::Link {
                        link_type,
                        dest_url,
                        title,
                        id,
                    })
                }
                Event::End(TagEnd::Link) if leads.pop() == Some(false) => continue,
                Event::Start(Tag::Image {
                    link_type,
                    dest_url,
                    title,
                    id,
                }) => Event::Start(Tag::Image {
                    link_type,
                    dest_url: image(chapter, dest_url),
                    title,
                    id,
                }),
                Event::Html(html) => Event::Html(self.html(chapter, &html).into()),
                Event::InlineHtml(html) => Event::InlineHtml(self.html(chapter, &html).into()),
                other => other,
            };
            if let (Some((_, words)), Event::Text(text) | Event::Code(text)) =
                (&mut heading, &event)
            {
                words.push_str(text);
            }
            events.push(event);
        }
        if is_title {
            let title = html! { h1 id=(prefix(chapter)) { (chapter.name) } };
            events.insert(0, Event::Html(title.into_string().into()));
        }
        events
    }

    /// An address of the document for one that a chapter has; none for a file that the book has
    /// only on a server.
    fn link<'c>(&self, chapter: &Chapter, address: CowStr<'c>) -> Option<CowStr<'c>> {
        if is_elsewhere(&address) {
            return Some(address);
        }
        let (path, anchor) = address.split_once('#').unwrap_or((&address, ""));
        let target = if path.is_empty() {
            Some(chapter)
        } else {
            let path = beside(chapter, path).with_extension("md");
            let chapters = self.chapters.iter().copied();
            let mut named = chapters.filter(|one| one.path.as_ref() == Some(&path));
            named.next()
        };
        let target = target?;
        let id = id_in(target, anchor);
        let id = if self.ids.contains(&id) {
            id
        } else {
            prefix(target)
        };
        Some(format!("#{id}").into())
    }

    /// A chapter's own HTML, with the ids and links of the document.
    fn html(&self, chapter: &Chapter, html: &str) -> String {
        let html = ID.replace_all(html, |found: &Captures<'_>| {
            format!(" id=\"{}\"", id_in(chapter, &found[1]))
        });
        let html = HREF.replace_all(&html, |found: &Captures<'_>| {
            let link = self.link(chapter, found[1].to_owned().into());
            link.map_or(String::new(), |link| format!(" href=\"{link}\""))
        });
        html.into_owned()
    }
}

static ID: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"\sid="([^"]*)""#).expect("the pattern is a constant and valid"));
static HREF: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"\shref="([^"]*)""#).expect("the pattern is a constant and valid")
});

/// Whether an address is no place of this book.
fn is_elsewhere(address: &str) -> bool {
    static SCHEME: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^[A-Za-z][A-Za-z0-9+.-]*:").expect("the pattern is a constant and valid")
    });
    SCHEME.is_match(address)
}

/// "3 ", before a title.
fn number<'c>(chapter: &Chapter) -> Option<Event<'c>> {
    let number = chapter.number.as_ref()?.to_string();
    let number = format!("{} ", number.trim_end_matches('.'));
    Some(Event::Text(number.into()))
}

/// The id of a chapter, by the path of its source.
fn prefix(chapter: &Chapter) -> String {
    let path = chapter.path.as_deref().unwrap_or(Path::new(""));
    let name = path.with_extension("").display().to_string();
    let letters = name.chars();
    let letters = letters.map(|c| if c.is_alphanumeric() { c } else { '-' });
    format!("ch-{}", letters.collect::<String>())
}

/// The id of a place in a chapter.
fn id_in(chapter: &Chapter, id: &str) -> String {
    format!("{}--{id}", prefix(chapter))
}

/// A path from the folder of chapters, for one from a chapter's folder.
fn beside(chapter: &Chapter, path: &str) -> PathBuf {
    let folder = chapter.path.as_deref().and_then(Path::parent);
    normal(&folder.unwrap_or(Path::new("")).join(path))
}

fn image<'c>(chapter: &Chapter, address: CowStr<'c>) -> CowStr<'c> {
    if is_elsewhere(&address) {
        return address;
    }
    beside(chapter, &address).display().to_string().into()
}

/// The id that mdBook gives a heading.
fn slug(text: &str) -> String {
    let letters = text.trim().chars().filter_map(|c| match c {
        c if c.is_alphanumeric() || c == '_' || c == '-' => Some(c.to_lowercase().to_string()),
        c if c.is_whitespace() => Some("-".to_owned()),
        _ => None,
    });
    letters.collect()
}

/// As mdBook makes ids unique.
fn unique(slug: String, taken: &mut BTreeSet<String>) -> String {
    let mut id = slug.clone();
    let mut count = 0;
    while !taken.insert(id.clone()) {
        count += 1;
        id = format!("{slug}-{count}");
    }
    id
}

#[cfg(test)]
mod tests {
    use mdbook_preprocessor::book::SectionNumber;

    use super::*;

    fn chapter(path: &str, number: Option<u32>, text: &str) -> BookItem {
        let mut chapter = Chapter::new("A name", text.to_owned(), path, Vec::new());
        chapter.number = number.map(|number| SectionNumber::new([number]));
        BookItem::Chapter(chapter)
    }

    fn document(items: Vec<BookItem>) -> String {
        html(&Book::new_with_items(items), "A <title>", "en", false)
    }

    #[test]
    fn each_id_is_there_once_and_links_lead_to_it() {
        let text = "# Title\n\n## Predict\n\n## Predict\n\n<a id=\"x\"></a>Here. [a](#predict) [b](two.md#x) \
                    [c](in/three.md) [d](in/three.md#gone) [e](https://example.org/) [f](data.bin) \
                    <a href=\"two.md\">g</a>\n";
        let document = document(vec![
            chapter("one.md", Some(1), text),
            chapter("two.md", Some(2), "# Two\n\n<a id=\"x\"></a>There.\n"),
            chapter(
                "in/three.md",
                None,
                "No heading. [up](../two.md#x)\n\n![p](p.svg)\n",
            ),
        ]);
        for part in [
            "<h1 id=\"ch-one\">1 Title</h1>",
            "<h2 id=\"ch-one--predict\">",
            "<h2 id=\"ch-one--predict-1\">",
            "<a id=\"ch-one--x\"></a>Here. <a href=\"#ch-one--predict\">a</a>",
            "<a href=\"#ch-two--x\">b</a>",
            "<a href=\"#ch-in-three\">c</a>",
            "<a href=\"#ch-in-three\">d</a>",
            "<a href=\"https://example.org/\">e</a> f <a href=\"#ch-two\">g</a>",
            "<h1 id=\"ch-in-three\">A name</h1>",
            "<a href=\"#ch-two--x\">up</a>",
            "<img src=\"in/p.svg\"",
            "<title>A &lt;title&gt;</title>",
        ] {
            assert!(document.contains(part), "{part} is not in {document}");
        }
        let ids: Vec<&str> = ID
            .captures_iter(&document)
            .map(|id| id.extract::<1>().1[0])
            .collect();
        let once: BTreeSet<&&str> = ids.iter().collect();
        assert_eq!(once.len(), ids.len(), "{ids:?}");
    }

    #[test]
    fn a_chapter_is_of_the_first_level_and_a_part_has_its_title() {
        let items = vec![
            BookItem::PartTitle("A part".to_owned()),
            chapter("one.md", None, "## Low\n\n```rust,ignore\nfn f() {}\n```\n"),
        ];
        let document = document(items);
        assert!(document.contains("<h1 class=\"part\">A part</h1>\n<h1 id=\"ch-one\">Low</h1>"));
        assert!(
            document.contains("<pre class=\"rust\"><code>fn f() {}\n</code></pre>"),
            "{document}"
        );
    }
}
