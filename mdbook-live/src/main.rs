//! `mdbook-live`: see the library's documentation, and `mdbook-live --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    mdbook_live::main()
}
