//! The book as a whole, for the tests beside this file.

use std::path::Path;

/// The book's folder.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
