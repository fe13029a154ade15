//! The style sheet, once on each page.

use maud::{PreEscaped, html};

/// The style of everything below, with the colours of mdBook's five themes.
const CSS: &str = concat!(
    include_str!("page.css"),
    include_str!("live.css"),
    include_str!("player.css"),
    include_str!("verdicts.css"),
    include_str!("pictures.css")
);

/// The style sheet, for each page that shows any of this.
pub fn style() -> String {
    html! { style { (PreEscaped(CSS)) } }.into_string()
}
