//! The style sheet and the script, once on each page.

use maud::{PreEscaped, html};

use super::player;

/// The style of everything below, with the colours of mdBook's five themes.
const CSS: &str = concat!(
    include_str!("page.css"),
    include_str!("live.css"),
    include_str!("player.css"),
    include_str!("verdicts.css"),
    include_str!("machines.css"),
    include_str!("pictures.css"),
    include_str!("lesson.css"),
    include_str!("drawing.css"), // `drawing::CSS`: concat! takes no name
);

/// Follows links to single lines, and into what is folded.
const SCRIPT: &str = include_str!("links.js");

/// The style sheet and the script, for each page that shows any of this.
pub fn style() -> String {
    // Each is a block of its own to Markdown.
    parts().join("\n\n")
}

fn parts() -> [String; 2] {
    let style = html! { style { (PreEscaped(CSS)) } };
    let script = html! { script { "\n" (PreEscaped(SCRIPT)) } };
    [style.into_string(), script.into_string()]
}

/// The page for printing is all chapters, each with what it needs alone: one is
/// enough for all.
pub fn style_once(page: &str) -> String {
    let mut once = page.to_owned();
    let parts = parts().into_iter().chain([player::script()]);
    for part in parts {
        if let Some((before, after)) = once.split_once(&part) {
            once = format!("{before}{part}{}", after.replace(&part, ""));
        }
    }
    once
}

/// What a file of pages needs beyond what a browser prints: it is read without the book's files,
/// and so has them in full.
pub fn paper() -> String {
    html! { style { (PreEscaped(include_str!("paper.css"))) } }.into_string()
}
