//! The style sheet, once on each page.

use maud::{PreEscaped, html};

/// The style of everything below, with the colours of mdBook's five themes.
const CSS: &str = concat!(
    include_str!("page.css"),
    include_str!("live.css"),
    include_str!("verdicts.css"),
    include_str!("pictures.css")
);

/// The style sheet, for each page that shows any of this.
pub fn style() -> String {
    html! { style { (PreEscaped(CSS)) } }.into_string()
}

/// The page for printing is all chapters, each with the style that it needs alone: one is
/// enough for all.
pub fn style_once(page: &str) -> String {
    let style = style();
    match page.split_once(&style) {
        Some((before, after)) => format!("{before}{style}{}", after.replace(&style, "")),
        None => page.to_owned(),
    }
}
