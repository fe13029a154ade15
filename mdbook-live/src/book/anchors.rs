//! The comments by which mdBook finds parts of a file: `ANCHOR: name` on one line, `ANCHOR_END:
//! name` on a later one, in a comment of whatever language the file has.

use std::sync::LazyLock;

use regex::Regex;

use crate::book::pattern::Pattern;

static ANCHOR: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"ANCHOR(_END)?:\s*([\w-]+)").expect("the pattern is a constant and valid")
});

/// Where a line begins an anchor, or ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor<'a> {
    /// Its name.
    pub name: &'a str,
    /// Whether it ends here.
    pub ends: bool,
}

/// The anchor that a line carries. Such a line is never shown.
pub fn anchor(line: &str) -> Option<Anchor<'_>> {
    let found = ANCHOR.captures(line)?;
    Some(Anchor {
        name: found.get(2).map_or("", |name| name.as_str()),
        ends: found.get(1).is_some(),
    })
}

/// A file as it is shown: without the lines that carry anchors.
pub fn without_anchors(text: &str) -> String {
    text.split_inclusive('\n')
        .filter(|line| anchor(line).is_none())
        .collect()
}

/// A file without the lines all of which one of these patterns matches.
pub fn without_lines(text: &str, patterns: &[Pattern]) -> String {
    let is_left_out = |line: &&str| {
        let line = line.trim_end_matches(['\r', '\n']);
        let whole = |pattern: &Pattern| {
            let found = pattern.0.find(line);
            found.is_some_and(|found| found.range() == (0..line.len()))
        };
        patterns.iter().any(whole)
    };
    let lines = text.split_inclusive('\n');
    lines.filter(|line| !is_left_out(line)).collect()
}

/// A source without what its readers do not see: lines with anchors, and those of these patterns.
pub fn as_shown(text: &str, strip: &[Pattern]) -> String {
    without_lines(&without_anchors(text), strip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_with_anchors_are_left_out_and_the_others_stay_as_they_are() {
        let text = "// ANCHOR: a\r\nfn main() {\r\n    // ANCHOR_END: a\n\n}";
        assert_eq!(without_anchors(text), "fn main() {\r\n\n}");
        let pattern = Pattern(Regex::new(r"\s*// --snip--").expect("a pattern"));
        let text = "    // --snip--\nlet x = 1; // --snip--\n";
        assert_eq!(as_shown(text, &[pattern]), "let x = 1; // --snip--\n");
    }
}
