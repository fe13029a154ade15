//! Words as Markdown: nothing in them is taken for a mark.

use std::sync::LazyLock;

use regex::Regex;

use crate::page::listing::language;

/// Where a link may lead.
pub(super) fn anchor(id: &str) -> String {
    format!("<a id=\"{id}\"></a>")
}

/// Plain words.
pub(super) fn marked(words: &str) -> String {
    let mut text = String::with_capacity(words.len());
    for c in words.chars() {
        if "\\`*_[]<>&|#~$".contains(c) {
            text.push('\\');
        }
        text.push(if c == '\n' { ' ' } else { c });
    }
    without_directives(&text)
}

/// A sentence in which backticks mark code.
pub(super) fn with_code(sentence: &str) -> String {
    let parts: Vec<&str> = sentence.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return marked(sentence);
    }
    let parts = parts.iter().enumerate();
    let parts = parts.map(|(nth, part)| match nth % 2 {
        1 if !part.is_empty() => code(part),
        1 => "``".to_owned(),
        _ => marked(part),
    });
    parts.collect()
}

/// Code in a sentence.
pub(super) fn code(text: &str) -> String {
    let ticks = "`".repeat(longest_run_of_backticks(text) + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') {
        " "
    } else {
        ""
    };
    without_directives(&format!("{ticks}{pad}{text}{pad}{ticks}"))
}

/// A fenced block of lines.
pub(super) fn fenced(lines: &str, language: &str) -> String {
    let fence = "`".repeat(longest_run_of_backticks(lines).max(2) + 1);
    let end = if lines.is_empty() || lines.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    without_directives(&format!("{fence}{language}\n{lines}{end}{fence}\n"))
}

/// The language of a file, for its fence.
pub(super) fn language_of(path: &str) -> &'static str {
    let language = language(path);
    // What follows is for mdBook's pages.
    language.split(',').next().unwrap_or(language)
}

/// A table: its head, how many of its last columns are numbers, its rows. Its cells are Markdown.
pub(super) fn table(head: &[String], numbers: usize, rows: &[Vec<String>]) -> String {
    // A `|` ends a cell in code, too, unless it is escaped.
    let cell = |cell: &String| {
        let mut text = String::with_capacity(cell.len());
        for c in cell.chars() {
            if c == '|' && !text.ends_with('\\') {
                text.push('\\');
            }
            text.push(c);
        }
        text
    };
    let row = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(cell).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let rule = (0..head.len()).map(|nth| {
        let is_number = nth + numbers >= head.len();
        if is_number { "---:" } else { "---" }.to_owned()
    });
    let rule: Vec<String> = rule.collect();
    let rows = rows.iter().map(|cells| row(cells));
    row(head) + &row(&rule) + &rows.collect::<String>()
}

static DIRECTIVE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\\?\{\{#.*?\}\}").expect("the pattern is a constant and valid"));

/// mdBook expands its directives in code too; it takes off one backslash.
fn without_directives(text: &str) -> String {
    DIRECTIVE.replace_all(text, r"\$0").into_owned()
}

fn longest_run_of_backticks(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_code_come_out_as_they_went_in() {
        for words in [
            "a * b_c_ [x](y) <i> & | # ~ `",
            "`code` and `a | b` and *stars*",
            "odd ` tick",
        ] {
            let plain: String = words.replace('`', "");
            let mut text = String::new();
            for event in pulldown_cmark::Parser::new(&with_code(words)) {
                match event {
                    pulldown_cmark::Event::Text(part) | pulldown_cmark::Event::Code(part) => {
                        text.push_str(&part);
                    }
                    _ => {}
                }
            }
            assert_eq!(text.replace('`', ""), plain);
        }
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(fenced("```\n", "text"), "````text\n```\n````\n");
    }

    #[test]
    fn a_bar_in_a_cell_does_not_end_it() {
        let head = ["A".to_owned(), "B".to_owned()];
        let rows = [vec![code("x || y"), marked("a|b")]];
        assert_eq!(
            table(&head, 1, &rows),
            "| A | B |\n| --- | ---: |\n| `x \\|\\| y` | a\\|b |\n"
        );
    }
}
