//! Markdown as mdBook reads it.

use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, Tag};

/// What mdBook reads a chapter with, as far as it decides what is what.
pub fn options() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_HEADING_ATTRIBUTES
        | Options::ENABLE_DEFINITION_LIST
        | Options::ENABLE_GFM
}

/// The bytes of a text that are HTML: blocks, and tags in sentences.
pub fn html_ranges(markdown: &str) -> Vec<Range<usize>> {
    let events = Parser::new_ext(markdown, options()).into_offset_iter();
    let html = events.filter_map(|(event, range)| {
        let is_html = matches!(event, Event::Start(Tag::HtmlBlock) | Event::InlineHtml(_));
        is_html.then_some(range)
    });
    html.collect()
}
