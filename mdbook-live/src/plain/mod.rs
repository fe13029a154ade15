//! The plain form of a book's directives, for renderers of other things than HTML pages: the
//! same values in, Markdown out. It decides nothing: what `page` decides of them, it takes from there.
//! Pictures are SVG within the text, as addresses that hold them. Called by `chapter`; it calls
//! `page` and the rooms below.

mod author;
mod bars;
mod chart;
mod listing;
mod machines;
pub mod markdown;
mod picture;
mod question;
mod run;
mod verdicts;
mod words;
