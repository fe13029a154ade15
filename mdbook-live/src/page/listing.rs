//! A listing: a captioned figure around a fenced block of code.

use std::sync::LazyLock;

use maud::html;
use regex::Regex;

use super::inline::{with_code, without_directives};
use crate::text::words::counted;

/// A listing as the page shows it.
#[derive(Debug, Clone)]
pub struct ListingView<'a> {
    /// `2-1`: the chapter and the place in it.
    pub number: &'a str,
    /// Unique on its page.
    pub id: &'a str,
    /// The file, from the book's root.
    pub path: &'a str,
    /// The author's words; may be empty. Backticks mark code.
    pub caption: &'a str,
    /// The lines shown.
    pub code: &'a str,
    /// The name of the file that came before, and what has changed since.
    pub since: Option<(&'a str, &'a Changes)>,
}

/// What has changed from one step of a listing to the next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Of each line shown, whether it is new.
    pub new: Vec<bool>,
    /// How many lines of the step before are gone.
    pub removed: usize,
}

/// A listing: a captioned figure around a fenced block.
pub fn listing(view: &ListingView<'_>) -> String {
    // As many columns as the text has room for in mdBook's code font.
    let wide = view.code.lines().any(|line| line.chars().count() > 86);
    let opening = html! {
        figure.listing.wide[wide].changed[view.since.is_some()] id=(view.id) {
            figcaption {
                a.number href={ "#" (view.id) } { "Listing " (view.number) }
                " "
                code.path { (view.path) }
                @if !view.caption.is_empty() {
                    " "
                    span.caption { (with_code(view.caption)) }
                }
                @if let Some((name, changes)) = view.since {
                    @let new = changes.new.iter().filter(|new| **new).count();
                    " "
                    span.since {
                        (counted(new, "line")) " new since " code { (name) } ", marked +"
                        @if changes.removed > 0 { "; " (counted(changes.removed, "line")) " gone" }
                    }
                }
            }
            @if let Some((_, changes)) = view.since {
                // Beside the code and not in it: highlighting rewrites what is inside, and
                // what is copied is the code alone.
                div.gutter aria-hidden="true" {
                    @for new in &changes.new {
                        @if *new { i.new {} } @else { i {} }
                    }
                }
            }
        }
    }
    .into_string();
    let opening = without_directives(&opening);
    // The figure stays open around the fenced block, which ends the HTML block by its blank line.
    let opening = opening.strip_suffix("</figure>").unwrap_or(&opening);
    let language = language(view.path);
    let code = fenced_text(view.code, language);
    let fence = "`".repeat(longest_run_of_backticks(&code).max(2) + 1);
    format!("{opening}\n\n{fence}{language}\n{code}{fence}\n\n</figure>\n")
}

/// The fence's info string for a file.
pub(super) fn language(path: &str) -> &'static str {
    let name = path.rsplit('/').next().unwrap_or(path);
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension {
        // Without a playground: no Run button for a foreign host, and no `fn main` added.
        "rs" => "rust,noplayground",
        "toml" | "lock" => "toml",
        "py" => "python",
        "sh" => "bash",
        "c" | "h" => "c",
        "json" | "cast" => "json",
        "yml" | "yaml" => "yaml",
        "js" => "javascript",
        "css" => "css",
        "html" => "html",
        "md" => "markdown",
        _ => "text",
    }
}

static DIRECTIVE_IN_CODE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\\?\{\{#.*\}\}").expect("the pattern is a constant and valid"));

/// Code escaped so that mdBook shows it as it is in its file.
fn fenced_text(code: &str, language: &str) -> String {
    let mut text = String::with_capacity(code.len());
    for line in code.lines() {
        let bare = line.trim_start();
        // mdBook hides Rust lines that begin with `# `, and takes one `#` off a `##`.
        if language.starts_with("rust")
            && (bare == "#" || bare.starts_with("# ") || bare.starts_with("##"))
        {
            let indent = &line[..line.len() - bare.len()];
            text.push_str(indent);
            text.push('#');
            text.push_str(bare);
        } else {
            text.push_str(line);
        }
        text.push('\n');
    }
    // mdBook expands `{{#include …}}` in code too; it takes off one backslash.
    DIRECTIVE_IN_CODE.replace_all(&text, r"\$0").into_owned()
}

fn longest_run_of_backticks(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}
