//! Numbers and words as a sentence needs them.

/// "1 line", "4 lines", "3 processes".
pub fn counted(number: usize, what: &str) -> String {
    match (number, what.ends_with('s')) {
        (1, _) => format!("1 {what}"),
        (_, true) => format!("{number} {what}es"),
        (_, false) => format!("{number} {what}s"),
    }
}
