//! Lines of eight processes on one pipe.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

/// One of this crate's example programs.
fn example(name: &str) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.args([
        "run",
        "--quiet",
        "--package",
        "mem-trace",
        "--example",
        name,
    ]);
    command
}

#[test]
fn no_line_is_torn_when_eight_processes_write_at_once() {
    let out = example("crowd")
        .env("NO_COLOR", "1")
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    assert!(out.status.success());
    let text = String::from_utf8(out.stdout).expect("no character is torn");

    let mut letters: BTreeMap<String, usize> = BTreeMap::new();
    for line in text.lines() {
        let (process, message) = (&line[..16], &line[16..]);
        let process = process.trim_start();
        let number: u8 = process
            .strip_prefix("ForkProcess-")
            .unwrap_or_else(|| panic!("a line begins with its process: {line:?}"))
            .parse()
            .expect("a process number");
        let mark = char::from(b'a' + number);
        let message = &message[" [ 0.00s] ".len()..];
        assert!(
            message.chars().all(|c| c == mark || c == '<' || c == '>'),
            "a line of {process} holds another's text: {message:?}"
        );
        *letters.entry(process.to_string()).or_default() +=
            message.chars().filter(|&c| c == mark).count();
    }
    // Per round: one short line, two by a line break, ten thousand in the long one.
    let expected = 200 * (1 + 2 + 10_000);
    assert_eq!(letters.len(), 8);
    for (process, count) in letters {
        assert_eq!(count, expected, "{process} lost or doubled text");
    }
}

#[test]
fn colour_is_only_where_it_is_wanted() {
    let run = |variable: &str| {
        let out = example("main_line")
            .env_remove("NO_COLOR")
            .env_remove("FORCE_COLOR")
            .env(variable, "1")
            .output()
            .expect("cargo runs");
        String::from_utf8(out.stdout).expect("text")
    };
    assert_eq!(run("NO_COLOR"), "MainProcess      [ 0.00s] Hello\n");
    // Neither variable, and a pipe instead of a terminal.
    assert_eq!(run("UNRELATED"), "MainProcess      [ 0.00s] Hello\n");
    assert_eq!(
        run("FORCE_COLOR"),
        "\u{1b}[1mMainProcess     \u{1b}[0m [\u{1b}[32;1m 0.00s\u{1b}[0m] Hello\n"
    );
}
