//! Text as a program prints it and as a sentence needs it: escape sequences, Markdown, paths,
//! numbers, plurals.
//! It knows no word of a book, a run or a claim.
//! Every room may call it.

pub mod ansi;
pub mod markdown;
pub mod paths;
pub mod scrub;
pub mod words;
