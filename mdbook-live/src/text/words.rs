//! Numbers and words as a sentence needs them.

use std::fmt::Write as _;

/// "1 line", "4 lines", "3 processes".
pub fn counted(number: usize, what: &str) -> String {
    match (number, what.ends_with('s')) {
        (1, _) => format!("1 {what}"),
        (_, true) => format!("{number} {what}es"),
        (_, false) => format!("{number} {what}s"),
    }
}

/// A number to two significant digits, without an exponent: `4.2`, `0.23`, `120`.
pub fn two_digits(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let magnitude = |value: f64| value.abs().log10().floor() as i32;
    let unit = |magnitude: i32| 10f64.powi(magnitude - 1);
    let rounded = (value / unit(magnitude(value))).round() * unit(magnitude(value));
    // 0.996 rounds up to 1.0, which has one decimal fewer.
    let decimals = (1 - magnitude(rounded)).max(0) as usize;
    let mut text = String::new();
    write!(text, "{rounded:.decimals$}").expect("writing to a String does not fail");
    text
}
