//! The words of the three programs.

use std::io::Write;
use std::process::{Command, Output, Stdio};

/// What a program does with these arguments and this standard input.
fn run(program: &str, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    // A program that reads nothing may have ended.
    let _ = child
        .stdin
        .take()
        .expect("a pipe")
        .write_all(input.as_bytes());
    child.wait_with_output().expect("it ends")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("text")
}

#[test]
fn a_possible_output_passes_and_an_impossible_one_is_told_with_the_first_wrong_line() {
    let verify = ["--seed", "7", "--level", "2", "verify"];
    let fork_tree = env!("CARGO_BIN_EXE_fork_tree");
    let possible = "P1 a\nP2 b\nP0 c\nP0 e\nP3 d\nP0 f\n";
    let passed = run(fork_tree, &verify, possible);
    assert_eq!(text(&passed.stdout), "possible: one of 20 outputs\n");
    assert_eq!(passed.status.code(), Some(0));

    let impossible = "P2 b\nP1 a\nP0 c\nP0 e\nP3 d\nP0 f\n";
    let refused = run(fork_tree, &verify, impossible);
    let line = "error: line 1: expected `P0 c` or `P1 a`, not `P2 b`\n";
    assert_eq!(text(&refused.stderr), line);
    assert_eq!(refused.status.code(), Some(1));

    let short = run(fork_tree, &verify, "P1 a\n");
    let line = "error: the output ends after line 1: expected `P0 c` or `P2 b` next\n";
    assert_eq!(text(&short.stderr), line);
    assert_eq!(short.status.code(), Some(1));
}

#[test]
fn a_seed_that_is_drawn_is_told_and_makes_the_same_program_again() {
    for program in [
        env!("CARGO_BIN_EXE_fork_tree"),
        env!("CARGO_BIN_EXE_descriptor_table"),
        env!("CARGO_BIN_EXE_private_pages"),
    ] {
        let drawn = run(program, &["--level", "3"], "");
        let told = text(&drawn.stderr).trim();
        let seed = told.strip_prefix("seed ").expect(told);
        let again = run(program, &["--level", "3", "--seed", seed, "program"], "");
        assert_eq!(text(&again.stdout), text(&drawn.stdout));
        assert!(text(&drawn.stdout).contains(&format!("seed {seed}, level 3")));
    }
}

#[test]
fn wrong_words_are_refused_in_one_line_that_says_what_is_expected() {
    let pages = env!("CARGO_BIN_EXE_private_pages");
    for (arguments, status, expected) in [
        (&["--level", "4"][..], 2, "1..=3"),
        (&["solve"], 2, "program, question, answer, verify"),
        (&["verify"], 1, "expected --seed"),
    ] {
        let refused = run(pages, arguments, "");
        let line = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(status), "{line}");
        assert!(
            line.contains(expected) && line.trim_end().lines().count() == 1,
            "{line}"
        );
    }
}
