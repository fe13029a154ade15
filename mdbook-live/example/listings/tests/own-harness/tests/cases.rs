//! A test with a `main` of its own: a line for each case.

use palindrome::is_palindrome;
use std::process::ExitCode;

const CASES: [(&str, bool); 3] = [("level", true), ("rust", false), ("noon", true)];

fn main() -> ExitCode {
    let mut failed = false;
    for (word, expected) in CASES {
        let passes = is_palindrome(word) == expected;
        println!("case {word} ... {}", if passes { "ok" } else { "FAILED" });
        failed |= !passes;
    }
    ExitCode::from(u8::from(failed))
}
