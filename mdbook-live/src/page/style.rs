//! The style sheet, once on each page.

use maud::{PreEscaped, html};

/// The style of everything below, with the colours of mdBook's five themes.
const CSS: &str = concat!(
    include_str!("page.css"),
    include_str!("live.css"),
    include_str!("verdicts.css"),
    include_str!("pictures.css"),
    include_str!("drawing.css"), // `drawing::CSS`: concat! takes no name
);

/// The style sheet, for each page that shows any of this.
pub fn style() -> String {
    html! { style { (PreEscaped(CSS)) } }.into_string()
}

/// A page of all chapters, each of which has the style that it needs alone: once is enough for all.
pub fn once(html: &str) -> String {
    let style = style();
    match html.split_once(&style) {
        Some((before, after)) => format!("{before}{style}{}", after.replace(&style, "")),
        None => html.to_owned(),
    }
}

/// What a file of pages needs beyond what a browser prints: it is read without the book's files,
/// and so has them in full.
pub fn paper() -> String {
    html! { style { (PreEscaped(include_str!("paper.css"))) } }.into_string()
}
