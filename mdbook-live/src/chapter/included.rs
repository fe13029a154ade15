//! Directives in files that a chapter includes.
//!
//! mdBook's `links` brings them in after this preprocessor has gone, so that nothing would
//! expand them: each is an error, and none reaches the page in silence.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;

use super::directives;
use super::excerpt;
use super::markdown::left_alone;

/// As many files within files as mdBook follows.
const DEEPEST: usize = 10;

/// What is wrong with the files that a chapter in `folder` includes, with its line in the
/// chapter: a sentence each. A file that is not there is for mdBook to name.
pub(super) fn problems(markdown: &str, folder: &Path) -> Vec<(usize, String)> {
    let includes = includes(markdown).into_iter();
    includes
        .flat_map(|include| {
            let line = include.line;
            let found = problems_in(&include, folder, DEEPEST);
            found.into_iter().map(move |problem| (line, problem))
        })
        .collect()
}

fn problems_in(include: &Include, folder: &Path, depth: usize) -> Vec<String> {
    let path = folder.join(&include.path);
    let Ok(text) = fs::read_to_string(&path) else {
        return Vec::new();
    };
    let Some(text) = part(&text, &include.part) else {
        return Vec::new();
    };
    let ours = directives::find(&text, true).into_iter();
    let mut problems: Vec<String> = ours
        .map(|place| {
            format!(
                "{} includes `{}`, which is not expanded there; expected in the chapter itself",
                include.path.display(),
                &text[place.range]
            )
        })
        .collect();
    if depth > 0 {
        let folder = path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
        for inner in includes(&text) {
            problems.extend(problems_in(&inner, &folder, depth - 1));
        }
    }
    problems
}

/// A file that mdBook brings into a chapter.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Include {
    /// The directive's line, counted from 1.
    line: usize,
    /// The file, from the folder of what includes it.
    path: PathBuf,
    /// What follows the path: nothing, an anchor, or first and last line.
    part: Vec<String>,
}

/// Finds the files that mdBook brings into a chapter as Markdown: not into code.
fn includes(markdown: &str) -> Vec<Include> {
    static INCLUDE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"\{\{\s*#\s*include\s+([^}\n]+)\}\}")
            .expect("the pattern is a constant and valid")
    });
    let left_alone = left_alone(markdown);
    let mut includes = Vec::new();
    for found in INCLUDE.captures_iter(markdown) {
        let start = found.get(0).map_or(0, |whole| whole.start());
        let escaped = markdown[..start].ends_with('\\');
        if escaped || left_alone.iter().any(|range| range.contains(&start)) {
            continue;
        }
        let mut parts = found[1].trim().split(':').map(str::trim);
        includes.push(Include {
            line: 1 + markdown[..start].matches('\n').count(),
            path: parts.next().unwrap_or_default().into(),
            part: parts.map(str::to_owned).collect(),
        });
    }
    includes
}

/// What is included of a text: the whole, one anchor, or the lines from one to another.
fn part(text: &str, part: &[String]) -> Option<String> {
    let number = |at: usize| part.get(at).and_then(|part| part.parse::<usize>().ok());
    match part {
        [] => Some(text.to_owned()),
        [name] if !name.is_empty() && number(0).is_none() => excerpt::of(text, Some(name)).ok(),
        _ => {
            let first = number(0).unwrap_or(1).max(1);
            let last = match part {
                [_] => first,
                _ => number(1).unwrap_or(usize::MAX),
            };
            let lines = text.lines().skip(first - 1);
            let lines: Vec<&str> = lines.take(last.saturating_sub(first - 1)).collect();
            Some(lines.join("\n"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems_of(markdown: &str, files: &[(&str, &str)]) -> Vec<(usize, String)> {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        problems(markdown, dir.path())
    }

    #[test]
    fn a_directive_in_an_included_file_is_told_however_deep() {
        let files = [
            ("shared/outer.inc", "Text.\n\n{{#include inner.inc}}\n"),
            ("shared/inner.inc", "{{#run demo/fork}}\n"),
        ];
        assert_eq!(
            problems_of("# One\n\n{{#include shared/outer.inc}}\n", &files),
            [(
                3,
                "inner.inc includes `{{#run demo/fork}}`, which is not expanded there; \
                 expected in the chapter itself"
                    .to_owned()
            )]
        );
    }

    #[test]
    fn what_is_not_included_or_is_code_is_left_alone() {
        let files = [(
            "a.inc",
            "One.\n{{#run demo/fork}}\n// ANCHOR: b\nTwo.\n// ANCHOR_END: b\n",
        )];
        for markdown in [
            "{{#include a.inc:1}}",
            "{{#include a.inc:3:}}",
            "{{#include a.inc:b}}",
            "{{#include gone.inc}}",
            "\\{{#include a.inc}}",
            "```text\n{{#include a.inc}}\n```",
        ] {
            assert_eq!(problems_of(markdown, &files), [], "{markdown}");
        }
        for markdown in [
            "{{#include a.inc}}",
            "{{#include a.inc:2}}",
            "{{#include a.inc::2}}",
        ] {
            assert_eq!(problems_of(markdown, &files).len(), 1, "{markdown}");
        }
    }
}
