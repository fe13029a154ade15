//! The steps where something around them is not as usual: each ends well or with one line.

use std::process::{Command, Output};

const STEPS: [&str; 8] = ["s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8"];

/// A step, run by a shell that does something first.
fn run(first: &str, step: &str) -> Output {
    Command::new("sh")
        .args(["-c", &format!("{first} \"$0\" {step}")])
        .arg(env!("CARGO_BIN_EXE_worker-pool"))
        .output()
        .expect("sh runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn where_nothing_can_be_printed_a_step_ends_with_one_line() {
    for step in STEPS {
        let ended = run("exec >/dev/full;", step);
        let said = text(&ended.stderr);
        assert_eq!(ended.status.code(), Some(1), "{step}: {said}");
        assert!(
            said.starts_with("error: cannot print: No space left"),
            "{step}: {said}"
        );
        assert_eq!(said.lines().count(), 1, "{step}: {said}");
    }
}

#[test]
fn where_nobody_reads_a_step_ends_in_silence() {
    for step in STEPS {
        // A pipe whose reader is gone: the shell's own `true` has read nothing.
        let ended = run("{ sleep 0.05;", &format!("{step}; echo $? >&2; }} | true"));
        assert_eq!(text(&ended.stderr), "0\n", "{step}");
    }
}

#[test]
fn a_step_waits_for_its_children_though_it_was_started_with_sigchld_ignored() {
    for step in STEPS {
        let ended = run("exec env --ignore-signal=CHLD", step);
        let said = text(&ended.stderr);
        assert!(ended.status.success(), "{step}: {said}");
        assert_eq!(
            text(&ended.stdout).lines().count(),
            text(&run("exec", step).stdout).lines().count(),
            "{step}"
        );
    }
}

#[test]
fn without_threads_or_descriptors_a_step_says_what_was_refused() {
    // A stack larger than the address space.
    let ended = run(&format!("RUST_MIN_STACK={} exec", 1_u64 << 47), "s4");
    assert_eq!(ended.status.code(), Some(1));
    let said = text(&ended.stderr);
    assert!(
        said.starts_with("error: ") && said.contains("os error"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");

    let ended = run("ulimit -n 9; exec", "s7");
    assert_eq!(ended.status.code(), Some(1));
    assert_eq!(
        text(&ended.stderr),
        "error: Too many open files (os error 24)\n"
    );
}
