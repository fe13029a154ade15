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

/// An amount of memory: "64 MiB", "4 GiB", "1.5 GiB".
pub fn memory(mib: u64) -> String {
    if mib < 1024 {
        return format!("{mib} MiB");
    }
    let gib = mib as f64 / 1024.0;
    if gib < 10.0 && mib % 1024 >= 64 && mib % 1024 < 960 {
        format!("{gib:.1} GiB")
    } else {
        format!("{gib:.0} GiB")
    }
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

/// An amount of memory or data in the largest unit of which there is one: 64 MiB, 1.5 KiB, 12 bytes.
pub fn amount(bytes: u64) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    match units.iter().find(|(shift, _)| bytes >> shift > 0) {
        None => counted(bytes as usize, "byte"),
        Some((shift, unit)) if bytes.trailing_zeros() >= *shift => {
            format!("{} {unit}", bytes >> shift)
        }
        // An amount of memory is far below 2⁵³.
        Some((shift, unit)) => format!("{:.1} {unit}", bytes as f64 / (1_u64 << shift) as f64),
    }
}

/// What was expected where a name is not known: the nearest of those that there are, or all of
/// them where there are few.
pub fn expected(name: &str, known: &[impl AsRef<str>]) -> String {
    const MOST_NAMED: usize = 12;
    let known: Vec<&str> = known.iter().map(AsRef::as_ref).collect();
    let near = known
        .iter()
        .map(|known| (strsim::jaro_winkler(name, known), known))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|(one, _), (other, _)| one.total_cmp(other));
    let mut list = known[..known.len().min(MOST_NAMED)].join(", ");
    if known.len() > MOST_NAMED {
        list += &format!(" and {} more", known.len() - MOST_NAMED);
    }
    match near {
        Some((_, near)) if known.len() > MOST_NAMED => format!("did you mean {near}?"),
        Some((_, near)) => format!("did you mean {near}? expected {list}"),
        None if known.is_empty() => "there is none".to_owned(),
        None => format!("expected {list}"),
    }
}

/// An argument as a POSIX shell takes it, quoted only where it must be.
pub fn shell_word(arg: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+".contains(c);
    if !arg.is_empty() && arg.chars().all(plain) {
        arg.to_owned()
    } else {
        format!("'{}'", arg.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_name_is_answered_with_the_nearest() {
        let few = ["module-state/fork", "module-state/spawn"];
        assert_eq!(
            expected("module-state/frok", &few),
            "did you mean module-state/fork? expected module-state/fork, module-state/spawn"
        );
        assert_eq!(
            expected("xyz", &few),
            "expected module-state/fork, module-state/spawn"
        );
        let many: Vec<String> = (0..97).map(|nth| format!("run-{nth}")).collect();
        assert_eq!(expected("run-962", &many), "did you mean run-96?");
        assert!(expected("xyz", &many).ends_with("run-11 and 85 more"));
        assert_eq!(expected("x", &[] as &[&str]), "there is none");
    }

    #[test]
    fn an_amount_is_in_the_largest_unit_of_which_there_is_one() {
        let texts = [0, 1, 1023, 1024, 1536, 64 << 20, (1 << 30) + 1].map(amount);
        let expected = [
            "0 bytes",
            "1 byte",
            "1023 bytes",
            "1 KiB",
            "1.5 KiB",
            "64 MiB",
            "1.0 GiB",
        ];
        assert_eq!(texts, expected);
    }

    #[test]
    fn memory_is_told_in_the_unit_that_reads_best() {
        let texts = [64, 1023, 1024, 1536, 4096, 24_105].map(memory);
        assert_eq!(
            texts,
            ["64 MiB", "1023 MiB", "1 GiB", "1.5 GiB", "4 GiB", "24 GiB"]
        );
    }

    #[test]
    fn thousands_are_apart() {
        let texts = [0, 999, 1000, 12_345, 1_234_567].map(grouped);
        assert_eq!(texts, ["0", "999", "1,000", "12,345", "1,234,567"]);
    }
}
