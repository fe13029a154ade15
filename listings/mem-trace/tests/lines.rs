//! Lines of eight processes on one pipe.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::process::{Command, Stdio};
use std::{env, fs, process};

use mem_trace::{MARKS_VARIABLE, NAME_VARIABLE};

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

#[test]
fn a_process_has_the_name_that_its_environment_gives_it() {
    let out = example("main_line")
        .env("NO_COLOR", "1")
        .env(NAME_VARIABLE, "SpawnProcess-7")
        .output()
        .expect("cargo runs");
    assert_eq!(
        String::from_utf8(out.stdout).expect("text"),
        "  SpawnProcess-7 [ 0.00s] Hello\n"
    );
}

#[test]
fn marks_are_lines_with_the_machines_clock_the_process_and_the_state() {
    let path = env::temp_dir().join(format!("mem-trace-marks-{}", process::id()));
    File::create(&path).expect("create");
    let run = || {
        let status = example("marks").env(MARKS_VARIABLE, &path).status();
        assert!(status.expect("cargo runs").success());
    };
    run();
    // Appended, not written over.
    run();
    let text = fs::read_to_string(&path).expect("read");
    fs::remove_file(&path).expect("clean");
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split(' ').collect()).collect();
    let states: Vec<&str> = lines.iter().map(|words| words[3]).collect();
    assert_eq!(states, ["waiting", "computing", "waiting", "computing"]);
    assert!(
        lines.iter().all(|words| words[2] == "SpawnProcess-1"),
        "{text}"
    );
    assert_eq!(lines[0][1], lines[1][1], "one process");
    assert_ne!(lines[0][1], lines[2][1], "and another one");
    let at: Vec<u64> = lines
        .iter()
        .map(|words| words[0].parse().expect("ns"))
        .collect();
    assert!(at.is_sorted(), "{at:?}");
    let uptime = fs::read_to_string("/proc/uptime").expect("read");
    let uptime: f64 = uptime.split(' ').next().expect("s").parse().expect("s");
    let last = at[3] as f64 / 1e9;
    assert!(
        (uptime - 60.0..=uptime + 1.0).contains(&last),
        "{last} of {uptime}"
    );
}

#[test]
fn a_line_that_is_lost_on_a_full_disk_is_told_and_one_without_a_reader_is_not() {
    let checked = |out: Stdio| {
        let child = example("checked")
            .stdout(out)
            .stderr(Stdio::piped())
            .spawn();
        let done = child.expect("cargo runs").wait_with_output();
        let done = done.expect("it ends");
        (
            done.status.success(),
            String::from_utf8(done.stderr).expect("text"),
        )
    };
    let full = File::options().write(true).open("/dev/full").expect("open");
    let (printed, told) = checked(full.into());
    assert!(!printed && told.contains("cannot print: "), "{told}");
    let (reader, writer) = io::pipe().expect("pipe");
    drop(reader);
    assert_eq!(checked(writer.into()), (true, String::new()));
}
