//! What varies in the words of cargo, the compiler and a panic, though nothing is wrong.

use std::sync::LazyLock;

use regex::Regex;

/// What is redacted in the lines of every Rust program: the thread that panics has a number.
static OF_PROGRAMS: LazyLock<Vec<Regex>> =
    LazyLock::new(|| compiled(&[r" \(\d+\) (panicked at|has overflowed)"]));

/// What is redacted besides in the lines of cargo and the compiler.
static OF_CARGO: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    compiled(&[
        // How long it took.
        r"target\(s\) in (\d+m )?\d+(\.\d+)?s$",
        r"; finished in \d+\.\d+s$",
        r"^all doctests ran in \d+\.\d+s; merged doctests compilation took \d+\.\d+s$",
        // The hash of a test's program, and the folder in which another compiler builds.
        r"-[0-9a-f]{16}\)$",
        r"[`(]\S*/?target/(mdbook-live-[^/\s]+/)?",
        // Where the standard library's sources are: its lines are compared.
        r"(^ *(-->|:::)|^ +at) (file://|~)?/\S*/library/",
        // Where a package is.
        r" v\d+\.\d+\.\d+\S* \((file://)?/[^)]*\)",
    ])
});

/// Lines that cargo says or not, by what it has built before and what else is being built.
static SAID_OR_NOT: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    compiled(&[
        // Cargo sets its words flush right, in twelve columns.
        r"^ {3}Compiling \S+ v\d+\.\d+\.\d+\S*( \(.*\))?$",
        r"^ {4}Checking \S+ v\d+\.\d+\.\d+\S*( \(.*\))?$",
        r"^ {4}Blocking waiting for file lock on ",
        r"^ {4}Updating (\S+ index|git repository .*)$",
        r"^ {5}Locking \d+ packages? to ",
        r"^ {6}Adding \S+ v\d+\.\d+\.\d+\S* \(",
        r"^ Downloading (crates \.\.\.|\S+ v\d+\.\d+\.\d+\S*)$",
        r"^ {2}Downloaded (\d+ crates? |\S+ v\d+\.\d+\.\d+)",
        r"^warning: build failed, waiting for other jobs to finish\.\.\.$",
    ])
});

fn compiled(patterns: &[&str]) -> Vec<Regex> {
    let patterns = patterns.iter();
    patterns
        .map(|pattern| Regex::new(pattern).expect("a constant pattern, compiled by every test"))
        .collect()
}

/// What is redacted in the lines of a Rust program.
pub(super) fn of_programs() -> Vec<Regex> {
    OF_PROGRAMS.clone()
}

/// What is redacted in the lines of a command of cargo.
pub(super) fn of_cargo() -> Vec<Regex> {
    [&OF_PROGRAMS[..], &OF_CARGO[..]].concat()
}

/// The lines that a command of cargo prints or not.
pub(super) fn said_or_not() -> Vec<Regex> {
    SAID_OR_NOT.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_builds_say_alike_is_compared_and_the_rest_is_not() {
        let masked = |line: &str| {
            let masked = of_cargo().iter().fold(line.to_owned(), |line, pattern| {
                pattern.replace_all(&line, "…").into_owned()
            });
            let ignored = said_or_not().iter().any(|pattern| pattern.is_match(line));
            if ignored { String::new() } else { masked }
        };
        for (line, compared) in [
            ("   Compiling rand v0.8.5", ""),
            ("    Checking hello v0.1.0 (/tmp/hello)", ""),
            ("    Blocking waiting for file lock on build directory", ""),
            (
                "    Finished `dev` profile [unoptimized + debuginfo] target(s) in 0.21s",
                "    Finished `dev` profile [unoptimized + debuginfo] …",
            ),
            (
                "    Finished `dev` profile [unoptimized + debuginfo] target(s) in 1m 02s",
                "    Finished `dev` profile [unoptimized + debuginfo] …",
            ),
            (
                "     Running unittests src/lib.rs (target/debug/deps/adder-92948b65e88960b4)",
                "     Running unittests src/lib.rs …debug/deps/adder…",
            ),
            (
                "test result: ok. 1 passed; 0 failed; finished in 0.10s",
                "test result: ok. 1 passed; 0 failed…",
            ),
            (
                "thread 'main' (4711) panicked at src/main.rs:2:5:",
                "thread 'main'… src/main.rs:2:5:",
            ),
            (
                "  --> /rustc/2d8144b7880597b6e6d3/library/std/src/thread.rs:149:16",
                "…std/src/thread.rs:149:16",
            ),
            (
                "Compiling is what the program says",
                "Compiling is what the program says",
            ),
            ("  --> src/main.rs:6:5", "  --> src/main.rs:6:5"),
            // What a program prints.
            (
                "0xdeadbeef in (/etc/hosts) of /usr/library/x",
                "0xdeadbeef in (/etc/hosts) of /usr/library/x",
            ),
            (
                "id-0123456789abcdef finished in 3s",
                "id-0123456789abcdef finished in 3s",
            ),
            ("    Checking account: 1 EUR", "    Checking account: 1 EUR"),
            ("    Updating stock to 1", "    Updating stock to 1"),
            ("      Adding 1 apples", "      Adding 1 apples"),
            (" Downloading the moon", " Downloading the moon"),
            ("   Compiling a list", "   Compiling a list"),
            (" built v1 (/etc/1)", " built v1 (/etc/1)"),
            ("    Updating crates.io index", ""),
            ("   Compiling adder v0.1.0 (/projects/adder)", ""),
        ] {
            assert_eq!(masked(line), compared);
        }
    }
}
