//! Tests of observed runs: real programs, and what their accounts say.

use std::path::Path;
use std::time::Duration;

use super::runner::{Launch, run};
use super::stop::Stop;
use crate::record::account::{Account, Ended, Observation};
use crate::record::line::{Line, Stream};
use crate::record::result::{Exit, RunResult};

/// A script of `sh`, observed or not.
fn run_script(script: &str, observe: bool) -> RunResult {
    let args = ["-c".to_owned(), script.to_owned()];
    let launch = Launch {
        program: Path::new("/bin/sh"),
        args: &args,
        dir: Path::new("/"),
        timeout: Duration::from_secs(60),
        memory: false,
        observe,
        data_limit: None,
    };
    run(&launch, &Stop::default(), &mut |_| {}).expect("sh starts")
}

fn observed(script: &str) -> (RunResult, Account) {
    let result = run_script(script, true);
    match result.observation.clone() {
        Observation::Made(account) => (result, account),
        other => panic!("{script}: {other:?}, {:?}", texts(&result)),
    }
}

/// What it printed on standard output.
fn texts(result: &RunResult) -> Vec<&str> {
    let lines = result.lines.iter();
    let output = lines.filter(|line| line.stream == Stream::Output);
    output.map(Line::text).collect()
}

/// Each process with its parent and its programs.
fn family(account: &Account) -> Vec<(Option<usize>, Vec<&str>)> {
    let processes = account.processes.iter();
    processes
        .map(|one| {
            (
                one.parent,
                one.programs.iter().map(|name| &name[..]).collect(),
            )
        })
        .collect()
}

#[test]
fn every_process_is_seen_with_its_parent_its_programs_and_its_end() {
    let (result, account) = observed(
        "(exit 3) & wait $!; echo $?
         (true; exec sleep 0) & wait
         sh -c 'kill -KILL $$'; echo $?",
    );
    assert_eq!(texts(&result), ["3", "137"]);
    assert_eq!(result.end, Exit::Exited(0));
    let expected = [
        (None, vec!["sh"]),
        (Some(0), vec![]),
        (Some(0), vec!["sleep"]),
        (Some(0), vec!["sh"]),
    ];
    assert_eq!(family(&account), expected);
    let ends: Vec<Option<Ended>> = account.processes.iter().map(|one| one.exit).collect();
    let expected = [
        Ended::Status(0),
        Ended::Status(3),
        Ended::Status(0),
        Ended::Signal(9),
    ];
    assert_eq!(ends, expected.map(Some));
    for one in &account.processes {
        assert!(one.ended_s.is_some_and(|end| end >= one.born_s), "{one:?}");
        let end = one.at_end.expect("the kernel tells");
        assert!(
            end.descriptors >= 3 && end.private_dirty > 0 && end.faults > 0,
            "{one:?}"
        );
    }
}
