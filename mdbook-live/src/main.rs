//! `mdbook-live`: see the library's documentation and `mdbook-live --help`.

fn main() {}
