//! The book as a file of its own, by tools of other makers: its page for printing by Chromium as
//! PDF, its plain form by pandoc as EPUB.
//!
//! ```text
//! chapters → page::form::Html → print.html → Chromium → PDF
//!          → plain::Markdown → document → pandoc → EPUB
//! ```

mod document;
mod epub;
pub mod make;
mod pdf;
