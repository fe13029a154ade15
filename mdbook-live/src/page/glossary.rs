//! Terms and citations: where they are said, where they are used, and all of them in a list.

use maud::html;

use super::inline::without_directives;

/// A term of the glossary as its page shows it.
#[derive(Debug, Clone)]
pub struct GlossaryEntry<'a> {
    /// Its names.
    pub names: &'a [String],
    /// What its chapter says of it, as Markdown.
    pub said: String,
    /// The title of that chapter.
    pub chapter: &'a str,
    /// The place in it.
    pub href: String,
}

/// A term where its meaning is said.
pub fn defined(shown: &str, id: &str) -> String {
    without_directives(&html! { dfn id=(id) { (shown) } }.into_string())
}

/// The first use of a term on another page, or before its meaning is said.
pub fn term(word: &str, href: &str, title: Option<&str>) -> String {
    without_directives(&html! { a.term href=(href) title=[title] { (word) } }.into_string())
}

/// A cited work.
pub fn citation(words: &str, href: &str) -> String {
    without_directives(&html! { a.cited href=(href) { (words) } }.into_string())
}

/// The terms, each with what its chapter says of it.
pub fn glossary(entries: &[GlossaryEntry<'_>]) -> String {
    let mut text = String::from("<dl class=\"glossary\">\n");
    for entry in entries {
        let [name, others @ ..] = entry.names else {
            continue;
        };
        let head = html! {
            dt id={ "glossary-" (name.replace(|c: char| !c.is_ascii_alphanumeric(), "-")) } {
                (name)
                @if !others.is_empty() { span.others { " also " (others.join(", ")) } }
            }
        };
        let from = html! { " " a.from href=(entry.href) { (entry.chapter) } };
        text += &without_directives(&head.into_string());
        text += "\n<dd>\n\n";
        text += &entry.said;
        text += &without_directives(&from.into_string());
        text += "\n\n</dd>\n";
    }
    text + "</dl>\n"
}
