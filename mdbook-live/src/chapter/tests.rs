//! Directives for other renderers than mdBook's own: plain Markdown.

use std::collections::HashMap;
use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use mdbook_driver::MDBook;
use mdbook_driver::builtin_renderers::MarkdownRenderer;
use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag};
use regex::Regex;

use super::preprocessor::LivePreprocessor;
use crate::fixture_book::{book, write};
use crate::text::markdown;

/// The chapters of a book as another renderer gets them, by path.
fn plain(root: &Path) -> HashMap<String, String> {
    let mut book = MDBook::load(root).unwrap();
    book.with_preprocessor(LivePreprocessor::default());
    let (chapters, _) = book.preprocess_book(&MarkdownRenderer::new()).unwrap();
    let chapters = chapters.chapters().map(|chapter| {
        let path = chapter.source_path.clone().unwrap_or_default();
        (path.display().to_string(), chapter.content.clone())
    });
    chapters.collect()
}

fn plain_one(text: &str) -> String {
    let dir = book();
    write(dir.path(), "src/one.md", text);
    plain(dir.path()).remove("one.md").unwrap()
}

/// The code blocks of a text, each with its language.
fn blocks(text: &str) -> Vec<(String, String)> {
    let mut blocks: Vec<(String, String)> = Vec::new();
    let mut inside = false;
    for event in Parser::new_ext(text, markdown::options()) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                inside = true;
                blocks.push((info.into_string(), String::new()));
            }
            Event::End(pulldown_cmark::TagEnd::CodeBlock) => inside = false,
            Event::Text(words) if inside => blocks.last_mut().unwrap().1.push_str(&words),
            _ => {}
        }
    }
    blocks
}

/// The picture of an image.
fn picture(text: &str) -> String {
    let (_, data) = text
        .split_once("(data:image/svg+xml;base64,")
        .expect("a picture");
    let data = data.split(')').next().unwrap();
    String::from_utf8(BASE64_STANDARD.decode(data).unwrap()).unwrap()
}

#[test]
fn a_run_is_a_block_for_each_output_a_line_of_memory_and_a_table_of_claims() {
    let text = plain_one("# One\n\n{{#run demo/fork}}\n");
    assert_eq!(
        blocks(&text),
        [
            ("sh", "cargo run -- fork\n"),
            (
                "text",
                "Main      [ 0.00s] id: 0x1 {{#run x/y}}\n\n   ForkProcess-1 [ 0.01s] id: 0x1 <&>\n\
                 total_time_s=0.50\n"
            ),
            ("text", "Main [ 0.00s] id: 1\n"),
        ]
        .map(|(language, lines)| (language.to_owned(), lines.to_owned()))
    );
    for part in [
        "<a id=\"run-demo-fork\"></a>**demo/fork** Two processes (in `listings/demo`)\n",
        "**Recorded** 2026-11-23, A CPU, 2 cores, 4 GiB memory:\n",
        "**Manual** As printed in it:\n",
        "Memory at the peak, 0.2 s after the start, in 2 processes, in MiB: total 8.0, ",
        "| Verdict | Claim | Seen |\n| --- | --- | --- |\n",
        "| ✔\u{a0}holds | The manual says: One id everywhere | ",
        "| ✘\u{a0}does not hold | Three lines name an id | 2 lines, not 3 |\n",
        "**Stale**",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

#[test]
fn nothing_is_html_but_the_anchors_to_which_links_lead() {
    let text = plain_one(
        "# One\n\nA {{#define page}} takes {{#figure demo/fork total_time_s}}.\n\n{{#run demo/fork}}\n\n\
         {{#runs demo/fast demo/new The others}}\n\n{{#listing demo/src/main.rs All}}\n\n{{#verdicts}}\n\n\
         <details><summary>A `fold`</summary>\n\nInside.\n\n</details>\n\n{{#glossary}}\n",
    );
    let html: Vec<&str> = markdown::html_ranges(&text)
        .into_iter()
        .map(|range| text[range].trim())
        .filter(|html| !html.starts_with("<a id=") && *html != "</a>")
        .collect();
    assert_eq!(html, [] as [&str; 0], "{text}");
    assert!(text.contains("**A `fold`**\n\n\nInside."), "{text}");
    assert!(!text.contains("<style>"), "{text}");
}

#[test]
fn links_lead_to_the_sources_of_chapters() {
    let dir = book();
    write(
        dir.path(),
        "src/one.md",
        "# One\n\nThe {{#define frame}}.\n\n{{#run demo/fork}}\n",
    );
    write(
        dir.path(),
        "src/two.md",
        "# Two\n\nA frame.\n\n{{#verdicts all}}\n",
    );
    let chapters = plain(dir.path());
    assert!(chapters["one.md"].contains("<a id=\"term-frame\"></a>*frame*"));
    let two = &chapters["two.md"];
    assert!(two.contains("A [frame](one.md#term-frame)."), "{two}");
    assert!(two.contains("[`demo/fork`](one.md#run-demo-fork)"), "{two}");
    assert!(two.contains("**[One](one.md)**"), "{two}");
    assert!(!chapters["foreword.md"].contains("print-front"));
}

#[test]
fn a_listing_is_whole_and_a_step_marks_its_new_lines() {
    let dir = book();
    write(dir.path(), "listings/demo/src/s1.rs", "one\ntwo\nthree\n");
    write(
        dir.path(),
        "listings/demo/src/s2.rs",
        "one\n# new `x`\nthree\n",
    );
    let text = "# One\n\n{{#listing demo/src/main.rs All of it}}\n\n\
                {{#listing demo/src/s2.rs since=src/s1.rs Second}}\n";
    write(dir.path(), "src/one.md", text);
    let text = plain(dir.path()).remove("one.md").unwrap();
    let blocks = blocks(&text);
    assert_eq!(blocks[0].0, "rust");
    // As in the file: no renderer but mdBook's takes a `#` for a hidden line.
    assert!(blocks[0].1.contains("\n# not hidden\n## twice\n"), "{text}");
    assert_eq!(
        blocks[1],
        (
            "diff".to_owned(),
            "  one\n+ # new `x`\n  three\n".to_owned()
        )
    );
    let caption = "**Listing 1-2** `listings/demo/src/s2.rs` Second (1 line new since `s1.rs`, marked +; 1 line gone)";
    assert!(text.contains(caption), "{text}");
}

#[test]
fn charts_and_diagrams_are_pictures_in_colours_of_their_own_and_tables() {
    let dir = book();
    let runs = std::fs::read_to_string(dir.path().join("listings/demo/runs.toml")).unwrap();
    let chart = "\n[[chart]]\nname = 'time'\ncaption = 'Time'\nruns = ['fork', 'fast', 'new']\n\
                 [[chart.figure]]\nfigure = 'total_time_s'\nheading = 'Total | time'\n";
    write(dir.path(), "listings/demo/runs.toml", &(runs + chart));
    let diagram = "# caption: Two & two\n# alt: A box\nbox \"A\"\n";
    write(dir.path(), "src/diagrams/two.pikchr", diagram);
    write(dir.path(), "src/one.md", "# One\n\n{{#chart demo/time}}\n");
    write(
        dir.path(),
        "src/two.md",
        "# Two\n\n{{#diagram two}}\n\n{{#table demo/time}}\n",
    );
    let chapters = plain(dir.path());
    let one = &chapters["one.md"];
    assert!(one.contains("**Total \\| time**"), "{one}");
    assert!(
        one.contains("| Run | Recorded |\n| --- | ---: |\n| `fork` | 0.50 s |\n"),
        "{one}"
    );
    assert!(one.contains("| `new` | – |\n"), "{one}");
    let two = &chapters["two.md"];
    assert!(two.contains("![A box](data:"), "{two}");
    assert!(two.contains("*Two \\& two*"), "{two}");
    assert_eq!(two.matches("![").count(), 1, "a table is no picture");
    for (chapter, shape) in [(one, "<rect class=\"bar recorded\""), (two, "<path d=")] {
        let svg = picture(chapter);
        assert!(svg.starts_with("<svg") && svg.contains(shape), "{svg}");
        assert!(
            svg.contains("fill=\"#fff\"") && !svg.contains("var("),
            "{svg}"
        );
    }
}

#[test]
fn a_timeline_is_a_picture_that_is_told_in_words() {
    let dir = book();
    let path = "listings/demo/recorded/fork.cast";
    let cast = std::fs::read_to_string(dir.path().join(path)).unwrap();
    write(
        dir.path(),
        path,
        &(cast + "[0.5, \"m\", \"demo waiting\"]\n"),
    );
    write(
        dir.path(),
        "src/one.md",
        "# One\n\n{{#timeline demo/fork}}\n",
    );
    let text = plain(dir.path()).remove("one.md").unwrap();
    let words = "What each process of `demo/fork` does when (recorded 2026-11-23):\n\n![demo/fork: 1 processes in ";
    assert!(text.contains(words), "{text}");
    let svg = picture(&text);
    assert!(svg.contains(">waiting</text>"), "its legend: {svg}");
    assert!(!svg.contains("var("), "{svg}");
}

#[test]
fn links_to_files_of_the_book_are_there_where_a_build_makes_them() {
    let dir = book();
    write(dir.path(), "src/one.md", "# One\n\n{{#papers}}\n\nAfter.\n");
    let papers = Regex::new("<p class=\"papers\">.*</p>").unwrap();
    let html = |live: LivePreprocessor| {
        let mut book = MDBook::load(dir.path()).unwrap();
        book.with_preprocessor(live);
        let (chapters, _) = book
            .preprocess_book(&mdbook_html::HtmlHandlebars::new())
            .unwrap();
        let one = chapters.chapters().find(|one| one.name == "One").unwrap();
        papers
            .find(&one.content)
            .map(|found| found.as_str().to_owned())
    };
    assert_eq!(html(LivePreprocessor::default()), None);
    let made = [("PDF", "demo.pdf"), ("EPUB", "demo.epub")];
    let made = made.map(|(what, name)| (what.to_owned(), name.to_owned()));
    let with = LivePreprocessor {
        papers: made.to_vec(),
        ..LivePreprocessor::default()
    };
    assert_eq!(
        html(with).as_deref(),
        Some(
            "<p class=\"papers\">The whole book in one file: <a href=\"demo.pdf\">PDF</a>, \
             <a href=\"demo.epub\">EPUB</a>.</p>"
        )
    );
    assert!(!plain(dir.path())["one.md"].contains("papers"));
}
