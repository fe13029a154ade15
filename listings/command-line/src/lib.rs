//! A program's arguments and errors, each in one line.
//!
//! Every listing begins here: wrong arguments end it with one line that says what
//! was expected, and code 2; a run that fails, or cannot print, ends it with one line, and
//! code 1; Ctrl-C and SIGTERM end it with one line, by that signal.

mod inherited;
mod interrupt;
mod output;

use std::error::Error;
use std::fmt::Write;
use std::process::ExitCode;

use clap::Parser;

/// Parses this program's arguments and runs it with them.
///
/// Exit codes: 0 after the run (or the help), 1 where it failed, 2 for arguments
/// that are wrong.
pub fn run<A, E>(run: impl FnOnce(A) -> Result<(), E>) -> ExitCode
where
    A: Parser,
    E: Into<Box<dyn Error>>,
{
    let arguments = match A::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if !error.use_stderr() => {
            // Help was asked for. There is nobody to tell if it cannot be printed.
            let _ = error.print();
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("{}", in_one_line(&error.to_string()));
            return ExitCode::from(2);
        }
    };
    interrupt::say_so();
    inherited::wait_for_children();
    output::end_where_it_fails();
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", with_causes(&*error.into()));
            ExitCode::FAILURE
        }
    }
}

/// A number of things, as `--records` takes it: digits, grouped by underscores
/// where one likes, from 1 to `MOST`.
pub fn count<const MOST: usize>(text: &str) -> Result<usize, String> {
    let outer_digits = text.starts_with(|c: char| c.is_ascii_digit())
        && text.ends_with(|c: char| c.is_ascii_digit());
    if !outer_digits || !text.chars().all(|c| c.is_ascii_digit() || c == '_') {
        return Err("expected digits, with _ between them, such as 2_000_000".to_string());
    }
    match text.replace('_', "").parse() {
        Ok(count) if (1..=MOST).contains(&count) => Ok(count),
        // Too many digits for any number are too many for this one.
        _ => Err(format!("expected 1 to {}", grouped(MOST))),
    }
}

/// `number` with an underscore between groups of three digits, as Rust and the
/// notes write it.
pub fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push('_');
        }
        grouped.push(digit);
    }
    grouped
}

/// clap's message, its lines joined.
fn in_one_line(message: &str) -> String {
    let lines: Vec<&str> = message
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    lines.join("; ")
}

fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        // A message that already quotes its cause needs no second quote.
        if !text.contains(&said) {
            let _ = write!(text, ": {said}");
        }
        cause = error.source();
    }
    text.replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_may_have_underscores_and_lie_within_their_bounds() {
        assert_eq!(count::<200_000_000>("200_000_000"), Ok(200_000_000));
        for wrong in [
            "0",
            "",
            "-1",
            "+5",
            "1_",
            "_1",
            "2e6",
            "11",
            "18446744073709551616",
        ] {
            assert!(count::<10>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn large_numbers_are_grouped() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(200_000_000), "200_000_000");
        assert_eq!(grouped(1_234), "1_234");
    }

    #[test]
    fn a_usage_error_is_one_line_that_says_what_was_expected() {
        #[derive(Parser, Debug)]
        struct Arguments {
            #[arg(value_parser = ["fork", "spawn"])]
            run: String,
        }
        let error = Arguments::try_parse_from(["listing", "frok"]).expect_err("refused");
        let line = in_one_line(&error.to_string());
        assert!(!line.contains('\n'));
        assert!(
            line.contains("'frok'") && line.contains("[possible values: fork, spawn]"),
            "{line}"
        );
    }
}
