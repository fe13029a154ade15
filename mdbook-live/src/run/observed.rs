//! Tests of observed runs: real programs, and what their accounts say.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::launch::Launch;
use super::proc;
use super::runner::run;
use super::stop::Stop;
use crate::record::account::{Account, Ended, Observation, ObservedProcess};
use crate::record::line::{Line, Stream};
use crate::record::result::{Exit, RunResult};

/// The environment variable that says what [`does_what_a_test_observes`] does.
const DO_VAR: &str = "MDBOOK_LIVE_TEST_DO";

/// How a script is run.
fn launch() -> Launch<'static> {
    Launch {
        observe: true,
        ..Launch::of(Path::new("/bin/sh"), &[], Path::new("/"))
    }
}

/// Runs a script of `sh`; its `$0` is this test's own program.
fn run_script(script: &str, launch: Launch<'_>) -> RunResult {
    let own = std::env::current_exe().expect("a test is a program");
    let args = [
        "-c".to_owned(),
        script.to_owned(),
        own.display().to_string(),
    ];
    let launch = Launch {
        args: &args,
        ..launch
    };
    run(&launch, &Stop::default(), &mut |_| {}).expect("sh starts")
}

fn observed(script: &str) -> (RunResult, Account) {
    let result = run_script(script, launch());
    match result.observation.clone() {
        Observation::Made(account) => (result, account),
        other => panic!("{script}: {other:?}, {:?}", result.lines),
    }
}

/// A script by which this program does what a test observes, in place of the shell.
fn exec_to(what: &str) -> String {
    format!(
        "export {DO_VAR}={what}; exec \"$0\" --exact --nocapture --test-threads=1 \
         run::observed::does_what_a_test_observes"
    )
}

/// The program of other tests, and no test itself.
#[test]
fn does_what_a_test_observes() {
    let Ok(what) = std::env::var(DO_VAR) else {
        return;
    };
    let says = |words: &str| println!("\n{SAYS}{words}");
    match &*what {
        "spawn" => {
            // Without anything to do between fork and exec, this is posix_spawn(3).
            let status = Command::new("true").status().expect("true starts");
            says(&status.to_string());
            let missing = Command::new("/no/such/program").spawn();
            says(&missing.expect_err("it is not there").kind().to_string());
        }
        "threads" => std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {});
            }
        }),
        "execute-in-a-thread" => {
            let execute = || Command::new("sh").args(["-c", "exit 4"]).exec();
            let never = std::thread::spawn(execute).join();
            panic!("{never:?}");
        }
        "stop" => {
            // It has not ended before it is seen to go on.
            let script = "kill -STOP $$; read line; exit 5";
            let (input, line) = std::io::pipe().expect("a pipe");
            let child = Command::new("sh").args(["-c", script]).stdin(input).spawn();
            let child = Pid::from_raw(child.expect("sh starts").id().cast_signed());
            let all = WaitPidFlag::WUNTRACED | WaitPidFlag::WCONTINUED;
            let wait = || waitpid(child, Some(all)).expect("a child");
            assert_eq!(wait(), WaitStatus::Stopped(child, Signal::SIGSTOP));
            kill(child, Signal::SIGCONT).expect("it is there");
            assert_eq!(wait(), WaitStatus::Continued(child));
            drop(line);
            assert_eq!(wait(), WaitStatus::Exited(child, 5));
            says("stopped, went on, ended");
        }
        "observe" => {
            let result = run_script("exit 3", launch());
            says(&format!("{:?} {:?}", result.end, result.observation));
        }
        other => assert_eq!(other, "nothing"),
    }
}

/// What it says: the harness prints its own lines, too.
fn said(result: &RunResult) -> Vec<&str> {
    let lines = texts(result).into_iter();
    lines.filter_map(|line| line.strip_prefix(SAYS)).collect()
}

const SAYS: &str = "it says ";

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
            end.descriptors > 0 && end.private_dirty > 0 && end.faults > 0,
            "{one:?}"
        );
    }
}

#[test]
fn a_spawned_process_executes_a_program_and_has_no_memory_of_its_own_before() {
    let (result, account) = observed(&exec_to("spawn"));
    assert_eq!(said(&result), ["exit status: 0", "entity not found"]);
    let [main, spawned, missing] = &account.processes[..] else {
        panic!("{account:?}");
    };
    assert_eq!(main.programs.len(), 2, "{main:?}");
    assert!(main.programs[1].starts_with("mdbook_live-"), "{main:?}");
    assert_eq!(
        (spawned.parent, &spawned.programs[..]),
        (Some(0), &["true".to_owned()][..])
    );
    assert_eq!((missing.parent, missing.programs.len()), (Some(0), 0));
    let private = |one: &ObservedProcess| one.at_end.expect("it tells").private_dirty;
    assert!(
        private(spawned) > 0 && private(main) > private(spawned),
        "{account:?}"
    );
    assert_eq!(private(missing), 0, "it had its parent's");
}

#[test]
fn threads_are_counted_and_are_no_processes() {
    let (_, without) = observed(&exec_to("nothing"));
    let (result, account) = observed(&exec_to("threads"));
    assert_eq!(result.end, Exit::Exited(0));
    assert_eq!((account.processes(), without.processes()), (1, 1));
    assert_eq!(account.threads(), without.threads() + 3);
    assert!(account.processes[0].at_end.is_some());
}

#[test]
fn a_program_that_a_thread_executes_is_that_of_its_process() {
    let (result, account) = observed(&exec_to("execute-in-a-thread"));
    assert_eq!(result.end, Exit::Exited(4));
    let [main] = &account.processes[..] else {
        panic!("{account:?}");
    };
    assert_eq!(
        (&main.programs[2..], main.exit),
        (&["sh".to_owned()][..], Some(Ended::Status(4)))
    );
    assert!(main.at_end.is_some_and(|end| end.private_dirty > 0));
}

#[test]
fn a_parent_sees_its_observed_child_stopped_continued_and_ended() {
    let (result, account) = observed(&exec_to("stop"));
    assert_eq!(
        said(&result),
        ["stopped, went on, ended"],
        "{:?}",
        result.lines
    );
    assert_eq!(account.processes[1].exit, Some(Ended::Status(5)));
}

#[test]
fn a_run_that_cannot_be_observed_is_made_without() {
    // The inner run's processes have a tracer already.
    let (result, _) = observed(&exec_to("observe"));
    assert_eq!(
        said(&result),
        ["Exited(3) Refused(\"ptrace is not permitted here\")"]
    );
}

#[test]
fn an_observed_run_ends_by_the_signal_that_ends_it() {
    let (result, account) = observed("kill -TERM $$");
    assert_eq!(result.end, Exit::Killed(Signal::SIGTERM));
    assert_eq!(account.processes[0].exit, Some(Ended::Signal(15)));
    // A handler runs, an ignored signal does nothing, and a signal without a name is one, too.
    let (result, _) = observed(
        "trap 'echo usr1' USR1; kill -USR1 $$; trap '' HUP; kill -HUP $$; sh -c 'kill -40 $$'; echo $?",
    );
    assert_eq!(texts(&result), ["usr1", "168"]);
}

#[test]
fn an_orphan_and_a_daemon_are_observed_to_their_ends() {
    let (result, account) = observed(
        "line=$(sh -c '(
             while read pid name state rest < /proc/$$/stat && [ $state != Z ]; do :; done
             echo late
         ) & exit 0')
         echo $line
         setsid sleep 1000 & exit 0",
    );
    assert_eq!(texts(&result), ["late"]);
    assert_eq!(result.left_behind.len(), 1, "{:?}", result.left_behind);
    let end_of = |one: &ObservedProcess| one.ended_s.expect("each ends");
    let parent = |one: &ObservedProcess| Some(&account.processes[one.parent?]);
    let outlives = |one: &&ObservedProcess| parent(one).is_some_and(|of| end_of(of) < end_of(one));
    let orphans = account.processes.iter().filter(outlives);
    let ends: Vec<Option<Ended>> = orphans.map(|one| one.exit).collect();
    let (late, daemon) = (Ended::Status(0), Ended::Signal(15));
    assert_eq!(ends, [Some(late), Some(daemon)], "{account:?}");
}

#[test]
fn an_observed_process_without_group_and_mark_ends_with_its_run() {
    let (result, account) = observed(
        "(setsid sh -c 'ulimit -S -m 1000000; echo $$; exec sleep 1000 > /dev/null 2>&1' &) |
         { read pid; echo $pid; }",
    );
    let pid = Pid::from_raw(texts(&result)[0].parse().expect("a number"));
    assert!(proc::stat(pid).is_none(), "{pid} is still there");
    let killed = |one: &ObservedProcess| one.exit == Some(Ended::Signal(9));
    assert_eq!(
        account.processes.iter().filter(|one| killed(one)).count(),
        1
    );
}

#[test]
fn two_hundred_processes_are_two_hundred_and_one_with_their_parent() {
    let (result, account) =
        observed("i=0; while [ $i -lt 200 ]; do (exit 0) & i=$((i + 1)); done; wait; echo $i");
    assert_eq!(texts(&result), ["200"]);
    assert_eq!(
        (account.processes(), account.programs(), account.depth()),
        (201, 1, 2)
    );
    assert!(
        account.processes.iter().all(|one| one.at_end.is_some()),
        "{account:?}"
    );
}

#[test]
fn an_observed_run_ends_at_its_limit_and_leaves_nothing() {
    let limit = Duration::from_millis(300);
    let launch = Launch {
        timeout: limit,
        ..launch()
    };
    let result = run_script(
        "trap '' TERM; (env -i setsid sh -c 'trap \"\" TERM; kill -STOP $$') & while :; do :; done",
        launch,
    );
    assert_eq!(result.end, Exit::LimitPassed(limit));
    let account = result.observation.account().expect("it was observed");
    for one in &account.processes {
        assert_eq!(one.exit, Some(Ended::Signal(9)), "{account:?}");
    }
}

#[test]
fn what_a_child_writes_and_reads_is_counted_once() {
    // The shell waits for each child, and the kernel then counts the child's bytes as its own.
    let script = "head -c 300000 /dev/zero | cat | wc -c";
    let (_, account) = observed(script);
    let all = account.sum(|end| end.written).expect("they end");
    // `head` and `cat`; `wc` writes a number.
    assert!((600_000..601_000).contains(&all), "{account:?}");
    let parent = account.processes[0].at_end.as_ref().expect("it ends");
    assert!(parent.written < 1000, "{account:?}");
}

#[test]
fn what_is_written_and_read_is_counted_and_descriptors_are_those_of_the_run() {
    let (_, account) = observed("printf %01000d 1; exec 5< /dev/null");
    let end = account.processes[0].at_end.expect("it tells");
    assert_eq!((end.written, end.descriptors), (1000, 4), "{account:?}");
    // This process has one that it would hand down.
    let open = fcntl(std::io::stderr(), FcntlArg::F_DUPFD(50)).expect("a descriptor");
    let script = format!("[ -e /proc/self/fd/{open} ] && echo open || echo closed");
    let result = run_script(&script, launch());
    nix::unistd::close(open).expect("it is there");
    assert_eq!(texts(&result), ["closed"]);
}

#[test]
fn a_process_gets_no_more_private_memory_than_its_limit() {
    let script = "dd if=/dev/zero of=/dev/null bs=64M count=1 2> /dev/null; echo $?";
    let at = |data_limit: Option<u64>| {
        let result = run_script(
            script,
            Launch {
                data_limit,
                ..launch()
            },
        );
        texts(&result)[0].to_owned()
    };
    assert_eq!(at(None), "0");
    assert_eq!(at(Some(128 << 20)), "0");
    assert_ne!(at(Some(32 << 20)), "0");
}
