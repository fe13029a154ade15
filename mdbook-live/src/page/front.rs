//! Title, contents and numbers of chapters, for paper.

use std::path::Path;

use maud::html;

use super::inline::without_directives;

/// A line of the contents.
#[derive(Debug, Clone)]
pub enum ContentsEntry {
    /// The title of a part.
    Part(String),
    /// A chapter.
    Chapter {
        /// "3", where it has one.
        number: Option<String>,
        /// Its title.
        title: String,
        /// Its source, from the folder of chapters.
        path: String,
    },
}

/// The book's title and its contents.
pub fn contents(title: &str, description: &str, entries: &[ContentsEntry]) -> String {
    let head = html! {
        p.title { (title) }
        @if !description.is_empty() { p.description { (description) } }
    };
    let mut text = format!("<div class=\"print-front\">{}\n\n", head.into_string());
    for entry in entries {
        match entry {
            ContentsEntry::Part(title) => text += &format!("\n**{title}**\n\n"),
            ContentsEntry::Chapter {
                number,
                title,
                path,
            } => {
                // A link in Markdown: mdBook leads it to the chapter's place on the page for
                // printing.
                let number = number.as_deref().unwrap_or("");
                let number = html! { span.number { (number) } }.into_string();
                text += &format!("- {number} [{title}]({path})\n");
            }
        }
    }
    text += "\n</div>\n\n";
    without_directives(&text)
}

/// Where the whole book lies in one file, of each what it is and its name; nothing where there
/// is none. `here` is the page, from the book's root.
pub fn papers(papers: &[(String, String)], here: &Path) -> String {
    let up = "../".repeat(here.components().count().saturating_sub(1));
    let page = html! {
        @if !papers.is_empty() {
            p.papers {
                "The whole book in one file: "
                @for (nth, (what, name)) in papers.iter().enumerate() {
                    @if nth > 0 { ", " }
                    a href={ (up) (name) } { (what) }
                }
                "."
            }
        }
    };
    page.into_string()
}

/// Above a chapter's title: "Chapter 3".
pub fn chapter_number(number: &str) -> String {
    let page = html! { p.chapter-number { "Chapter " (number) } };
    format!("{}\n\n", page.into_string())
}
