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
/// A number with its thousands apart: 12,345.
pub fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_apart() {
        let texts = [0, 999, 1000, 12_345, 1_234_567].map(grouped);
        assert_eq!(texts, ["0", "999", "1,000", "12,345", "1,234,567"]);
    }
}
