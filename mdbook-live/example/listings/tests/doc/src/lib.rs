//! Words of a text.

/// The first word of a text, if it has one.
///
/// ```
/// assert_eq!(words::first("own, borrow"), Some("own,"));
/// assert_eq!(words::first("  "), None);
/// ```
pub fn first(text: &str) -> Option<&str> {
    text.split_whitespace().next()
}
