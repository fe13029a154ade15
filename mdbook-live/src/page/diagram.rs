//! A diagram, drawn from its text source.

use maud::{PreEscaped, html};

use super::without_directives;
use crate::chapter::diagram::Diagram;

/// The diagram; `id` is unique on its page.
pub fn diagram(diagram: &Diagram, id: &str) -> String {
    // What is drawn is told in words: the drawing's own texts, out of their places, say little.
    let width = format!("max-width: {}px", diagram.width);
    let svg = diagram.svg.replace('\n', " ");
    let svg = svg.replacen("<svg", "<svg aria-hidden=\"true\" focusable=\"false\"", 1);
    let page = html! {
        figure.diagram id=(id) {
            div.picture role="img" aria-label=(diagram.alt) style=(width) { (PreEscaped(svg)) }
            figcaption { (diagram.caption) }
        }
    };
    without_directives(&page.into_string())
}
