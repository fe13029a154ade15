//! The page's HTML: values in, HTML out. It decides nothing.
//! What comes out is Markdown for mdBook: HTML blocks without blank lines, and fenced code, so
//! that mdBook's highlighter, copy button, themes, search and print page work on it.
//! Called by `chapter` and `serve`; it calls `judge` and the rooms below for their values.

pub mod chart;
pub mod claims;
pub mod diagram;
pub mod drawing;
pub mod exercise;
pub mod form;
pub mod front;
pub mod glossary;
pub mod head;
pub mod inline;
pub mod lesson;
pub mod listing;
pub mod live;
pub mod machines;
pub mod memory;
pub mod not_found;
pub mod output;
pub mod player;
pub mod plot;
pub mod question;
pub mod run;
pub mod style;
pub mod timeline;
pub mod verdicts;

#[cfg(test)]
mod tests;
