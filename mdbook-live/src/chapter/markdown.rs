//! A chapter as Markdown: what of it is code or comment.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};

pub(super) use crate::text::markdown::options;

/// The byte ranges of a chapter that are code or comment.
pub(super) fn left_alone(markdown: &str) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut html = String::new();
    let mut html_start = None;
    for (event, range) in Parser::new_ext(markdown, options()).into_offset_iter() {
        match event {
            Event::Code(_) | Event::Start(Tag::CodeBlock(_)) => ranges.push(range),
            Event::InlineHtml(_) if markdown[range.clone()].starts_with("<!--") => {
                ranges.push(range);
            }
            Event::Start(Tag::HtmlBlock) => {
                html_start = Some(range.start);
                html.clear();
                html.push_str(&markdown[range]);
            }
            Event::End(TagEnd::HtmlBlock) => {
                if let Some(start) = html_start.take() {
                    ranges.extend(
                        comments(&html)
                            .into_iter()
                            .map(|comment| comment.start + start..comment.end + start),
                    );
                }
            }
            _ => {}
        }
    }
    ranges
}

fn comments(html: &str) -> Vec<Range<usize>> {
    let mut comments = Vec::new();
    let mut from = 0;
    while let Some(start) = html[from..].find("<!--").map(|at| from + at) {
        let end = html[start..]
            .find("-->")
            .map_or(html.len(), |at| start + at + 3);
        comments.push(start..end);
        from = end;
    }
    comments
}

/// The fenced blocks of code in a language, each with its place and its text.
pub(super) fn blocks_in(markdown: &str, language: &str) -> Vec<(Range<usize>, String)> {
    let mut blocks = Vec::new();
    if !markdown.contains(language) {
        return blocks;
    }
    let mut open = None;
    for (event, range) in Parser::new_ext(markdown, options()).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                let is_in = info.split([' ', ',']).next() == Some(language);
                open = is_in.then(|| (range, String::new()));
            }
            Event::Text(text) => {
                if let Some((_, said)) = &mut open {
                    said.push_str(&text);
                }
            }
            Event::End(TagEnd::CodeBlock) => blocks.extend(open.take()),
            _ => {}
        }
    }
    blocks
}
