//! What an author's own HTML becomes: on paper nothing can be opened.

use std::sync::LazyLock;

use regex::Regex;

use crate::text::markdown::html_ranges;

/// A chapter in which folded parts lie open below their summaries.
pub(super) fn unfolded(markdown: &str) -> String {
    static FOLD: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?s)<details[^>]*>|</details>|<summary[^>]*>(.*?)</summary>")
            .expect("the pattern is a constant and valid")
    });
    let mut text = String::new();
    let mut from = 0;
    for range in html_ranges(markdown) {
        text.push_str(&markdown[from..range.start]);
        from = range.end;
        let html = &markdown[range];
        text.push_str(&FOLD.replace_all(html, |found: &regex::Captures<'_>| {
            found.get(1).map_or(String::new(), |words| {
                format!("\n**{}**\n", words.as_str().trim())
            })
        }));
    }
    text + &markdown[from..]
}
