//! What a chapter shows of a source file: the whole of it, or the lines of one anchor.
//!
//! The lines that carry anchors are never shown.

use anyhow::{Result, bail};

use crate::book::anchors::{Anchor, anchor};

/// The lines of `source` between the anchor `name` and its end, at the margin; the whole
/// without a name.
///
/// # Errors
///
/// When no such anchor begins, or it does not end; the message names the anchors that exist.
pub fn of(source: &str, name: Option<&str>) -> Result<String> {
    let mut shown = String::new();
    let mut begun = name.is_none();
    let mut ended = name.is_none();
    let mut names: Vec<&str> = Vec::new();
    for line in source.lines() {
        if let Some(Anchor {
            name: found,
            ends: end,
        }) = anchor(line)
        {
            if !end && !names.contains(&found) {
                names.push(found);
            }
            if Some(found) == name {
                begun |= !end;
                ended |= end && begun;
            }
        } else if begun && (name.is_none() || !ended) {
            shown.push_str(line);
            shown.push('\n');
        }
    }
    match name {
        Some(name) if !begun && names.is_empty() => {
            bail!("no anchor {name}; the file has none")
        }
        Some(name) if !begun => bail!("no anchor {name}; there are: {}", names.join(", ")),
        Some(name) if !ended => bail!("anchor {name} has no `ANCHOR_END: {name}`"),
        Some(_) => Ok(at_the_margin(&shown)),
        None => Ok(shown),
    }
}

/// The lines without the indentation that all of them have: it belongs to what is around
/// them, and a narrow page has no room for it.
fn at_the_margin(lines: &str) -> String {
    let indented = lines.lines().filter(|line| !line.trim().is_empty());
    let indents = indented.map(|line| line.len() - line.trim_start_matches(' ').len());
    let common = indents.min().unwrap_or(0);
    let lines = lines.lines().map(|line| line.get(common..).unwrap_or(""));
    lines.flat_map(|line| [line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "\
// ANCHOR: all
use std::io;
// ANCHOR: main
fn main() {
    // ANCHOR: body
    run();
    // ANCHOR_END: body
}
// ANCHOR_END: main
// ANCHOR_END: all
// ANCHOR: open
";

    #[test]
    fn the_whole_file_is_shown_without_its_anchor_lines() {
        assert_eq!(
            of(SOURCE, None).unwrap(),
            "use std::io;\nfn main() {\n    run();\n}\n"
        );
    }

    #[test]
    fn an_anchor_shows_its_lines_and_no_anchor_inside_it() {
        assert_eq!(
            of(SOURCE, Some("main")).unwrap(),
            "fn main() {\n    run();\n}\n"
        );
        assert_eq!(of(SOURCE, Some("body")).unwrap(), "run();\n");
    }

    #[test]
    fn an_anchor_s_lines_keep_their_indentation_to_each_other_alone() {
        let source =
            "    // ANCHOR: loop\n    loop {\n\n        run();\n    }\n    // ANCHOR_END: loop\n";
        assert_eq!(
            of(source, Some("loop")).unwrap(),
            "loop {\n\n    run();\n}\n"
        );
        assert_eq!(
            of(source, None).unwrap(),
            "    loop {\n\n        run();\n    }\n"
        );
    }

    #[test]
    fn anchors_of_other_languages_comments_are_read() {
        let toml = "# ANCHOR: run\nname = \"fork\"\n# ANCHOR_END: run\n[x]\n";
        assert_eq!(of(toml, Some("run")).unwrap(), "name = \"fork\"\n");
    }

    #[test]
    fn a_missing_anchor_names_those_that_exist() {
        let error = of(SOURCE, Some("mian")).unwrap_err().to_string();
        assert_eq!(error, "no anchor mian; there are: all, main, body, open");
        let error = of("fn main() {}\n", Some("main")).unwrap_err().to_string();
        assert_eq!(error, "no anchor main; the file has none");
    }

    #[test]
    fn an_anchor_without_an_end_is_refused() {
        let error = of(SOURCE, Some("open")).unwrap_err().to_string();
        assert_eq!(error, "anchor open has no `ANCHOR_END: open`");
    }
}
