//! A listing: a captioned figure around a fenced block of code.

use std::borrow::Cow;
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
    /// Whether they are a whole file, and not an excerpt of one.
    pub whole: bool,
    /// The name of the file that came before, and what has changed since.
    pub since: Option<(&'a str, &'a Changes)>,
}

/// A whole file of more lines is folded: an excerpt shows what the text speaks of.
const MOST_LINES_OPEN: usize = 16;

/// What has changed from one step of a listing to the next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Of each line shown, whether it is new.
    pub new: Vec<bool>,
    /// How many lines of the step before are gone.
    pub removed: usize,
}

/// Lines as they were that are shown around those that are new.
const CONTEXT: usize = 2;

/// What is shown of a step: the lines that have changed, with some around them.
struct Excerpt {
    code: String,
    /// Of each line, whether it is new.
    new: Vec<bool>,
}

/// The lines of a listing that are in sight.
#[derive(Debug)]
pub struct InSight<'a> {
    /// The lines.
    pub code: Cow<'a, str>,
    /// Of each line of a step, whether it is new.
    pub new: Cow<'a, [bool]>,
    /// Whether the file has more than these.
    pub is_excerpt: bool,
}

impl ListingView<'_> {
    /// All of its lines, or of a step what has changed.
    pub fn in_sight(&self) -> InSight<'_> {
        let (code, new, is_excerpt) = match self.since {
            None => (self.code.into(), Cow::default(), false),
            Some((_, changes)) => match changes.excerpt(self.code, language(self.path)) {
                Some(excerpt) => (excerpt.code.into(), excerpt.new.into(), true),
                None => (self.code.into(), Cow::from(&changes.new), false),
            },
        };
        InSight {
            code,
            new,
            is_excerpt,
        }
    }
}

impl Changes {
    /// How many lines are new.
    pub fn count_new(&self) -> usize {
        self.new.iter().filter(|new| **new).count()
    }
}

impl Changes {
    /// The changed lines of `code` with some around them; `None`: that is most of it.
    fn excerpt(&self, code: &str, language: &str) -> Option<Excerpt> {
        let lines: Vec<&str> = code.lines().collect();
        let mut shown = vec![false; lines.len()];
        for at in (0..lines.len()).filter(|at| self.new[*at]) {
            shown[at.saturating_sub(CONTEXT)..(at + CONTEXT + 1).min(lines.len())].fill(true);
        }
        // A line that says how many are left out takes the place of one.
        let hidden = shown.iter().filter(|shown| !**shown).count();
        if lines.len() <= MOST_LINES_OPEN || hidden * 4 < lines.len() {
            return None;
        }
        let comment = if language.starts_with("rust") {
            "//"
        } else {
            "#"
        };
        let mut excerpt = Excerpt {
            code: String::new(),
            new: Vec::new(),
        };
        let mut at = 0;
        for region in shown.chunk_by(|one, other| one == other) {
            let range = at..at + region.len();
            at = range.end;
            if region[0] || region.len() == 1 {
                for line in range {
                    excerpt.code.push_str(lines[line]);
                    excerpt.code.push('\n');
                    excerpt.new.push(self.new[line]);
                }
            } else {
                // As deep as what follows.
                let next = lines.get(range.end).copied().unwrap_or_default();
                let indent = &next[..next.len() - next.trim_start().len()];
                let count = counted(range.len(), "line");
                excerpt.code += &format!("{indent}{comment} … {count} as before\n");
                excerpt.new.push(false);
            }
        }
        Some(excerpt)
    }
}

/// A listing: a captioned figure around a fenced block. A long file is folded; of a step, what
/// has changed is shown, and the whole is folded below it.
pub fn listing(view: &ListingView<'_>) -> String {
    let language = language(view.path);
    let lines = view.code.lines().count();
    let in_sight = view.in_sight();
    let folded = view.whole && view.since.is_none() && lines > MOST_LINES_OPEN;
    // As many columns as the text has room for in mdBook's code font.
    let wide = view.code.lines().any(|line| line.chars().count() > 86);
    let caption = html! {
        // A summary opens what is folded, and so has no link in it.
        @if folded {
            span.number { "Listing " (view.number) }
        } @else {
            a.number href={ "#" (view.id) } { "Listing " (view.number) }
        }
        " "
        code.path { (view.path) }
        @if !view.caption.is_empty() {
            " "
            span.caption { (with_code(view.caption)) }
        }
        @if folded { " " span.lines { (counted(lines, "line")) } }
        @if let Some((name, changes)) = view.since {
            " "
            span.since {
                (counted(changes.count_new(), "line")) " new since " code { (name) } ", marked +"
                @if changes.removed > 0 { "; " (counted(changes.removed, "line")) " gone" }
            }
        }
    };
    let opening = html! {
        figure.listing.wide[wide].changed[view.since.is_some()] id=(view.id) data-lines=(lines) {
            @if folded {
                details { summary { (caption) } }
            } @else {
                figcaption { (caption) }
            }
            @if view.since.is_some() {
                // Beside the code and not in it: highlighting rewrites what is inside, and
                // what is copied is the code alone.
                div.gutter aria-hidden="true" {
                    @for new in &*in_sight.new {
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
    let opening = opening.strip_suffix("</details>").unwrap_or(opening);
    let mut text = format!("{opening}\n\n{}", fenced(&in_sight.code, language));
    if folded {
        text.push_str("\n</details>");
    }
    if in_sight.is_excerpt {
        let summary = html! { summary { "The whole file, " (counted(lines, "line")) } };
        let whole = fenced(view.code, language);
        text += &format!(
            "\n<details>{}\n\n{whole}\n</details>",
            summary.into_string()
        );
    }
    text.push_str("\n</figure>\n");
    text
}

/// A page with an id for each line of its listings, for a browser without scripts: a link to a
/// line leads to the listing there. With scripts what is in `noscript` is no part of the page.
pub fn with_line_anchors(page: &str) -> String {
    static OPENING: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"<figure class="listing[^"]*" id="([^"]+)" data-lines="(\d+)">"#)
            .expect("the pattern is a constant and valid")
    });
    let with_anchors = |opening: &regex::Captures<'_>| {
        let lines = opening[2].parse().unwrap_or(0_usize);
        let anchors = (1..=lines).map(|line| format!("<a id=\"{}-L{line}\"></a>", &opening[1]));
        let anchors: String = anchors.collect();
        format!("{}<noscript>{anchors}</noscript>", &opening[0])
    };
    OPENING.replace_all(page, with_anchors).into_owned()
}

/// A fenced block of code.
fn fenced(code: &str, language: &str) -> String {
    let code = fenced_text(code, language);
    let fence = "`".repeat(longest_run_of_backticks(&code).max(2) + 1);
    format!("{fence}{language}\n{code}{fence}\n")
}

/// The fence's info string for a file.
pub fn language(path: &str) -> &'static str {
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
