//! Chapters without the solutions of their exercises: for a class that is to find them.

/// The tag that opens a solution, alone on its line or with what follows it.
const OPENING: &str = "<details class=\"solution\">";

/// A chapter's Markdown without each `<details class="solution">` up to its end. What stands in
/// a code block is code.
pub fn without_solutions(markdown: &str) -> String {
    let mut kept = String::new();
    let mut in_code = false;
    // How many `<details>` are open since the solution's.
    let mut depth = 0usize;
    for line in markdown.split_inclusive('\n') {
        let text = line.trim_start();
        if text.starts_with("```") {
            in_code = !in_code;
        }
        if !in_code && (depth > 0 || text.starts_with(OPENING)) {
            depth += line.matches("<details").count();
            depth -= line.matches("</details>").count().min(depth);
            continue;
        }
        if depth == 0 {
            kept.push_str(line);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_solution_goes_with_what_is_folded_in_it_and_the_rest_stays() {
        let chapter = "Do it.\n\n<details class=\"solution\"><summary>A solution</summary>\n\n\
                       ```text\n</details>\n```\n\n<details><summary>More</summary>\n\nx\n\n\
                       </details>\n\nThus.\n\n</details>\n\n<details><summary>Note</summary>\n\n\
                       y\n\n</details>\n";
        assert_eq!(
            without_solutions(chapter),
            "Do it.\n\n\n<details><summary>Note</summary>\n\ny\n\n</details>\n"
        );
    }

    #[test]
    fn code_that_looks_like_one_stays() {
        let chapter = "```html\n<details class=\"solution\">\n```\n\nAfter.\n";
        assert_eq!(without_solutions(chapter), chapter);
    }
}
