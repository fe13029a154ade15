//! Runs in a process of their own: one that can be killed, or whose memory can be measured.

use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::launch::Launch;
use super::proc;
use super::runner::run;
use super::stop::Stop;

/// The environment variable with the script that [`makes_the_run_of_another_test`] runs.
const SCRIPT_VAR: &str = "MDBOOK_LIVE_TEST_SCRIPT";

/// The environment variable by which that run is observed.
const OBSERVE_VAR: &str = "MDBOOK_LIVE_TEST_OBSERVE";

/// How long a test waits for what must come at once, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(30);

/// The words before what a test reads: the harness prints its own lines, too.
const SAYS: &str = "the run says ";

/// The process of another test, and no test itself: it makes a run and says how that went.
#[test]
fn makes_the_run_of_another_test() {
    let Ok(script) = std::env::var(SCRIPT_VAR) else {
        return;
    };
    let args = ["-c".to_owned(), script];
    let launch = Launch {
        observe: std::env::var_os(OBSERVE_VAR).is_some(),
        ..Launch::of(Path::new("/bin/sh"), &args, Path::new("/"))
    };
    let result = run(&launch, &Stop::default(), &mut |line| {
        if line.text().starts_with("pid ") {
            println!("\n{SAYS}{}", line.text());
        }
    });
    for fault in result.expect("sh starts").faults(0) {
        println!("\n{SAYS}{fault}");
    }
    let status = std::fs::read_to_string("/proc/self/status").expect("/proc is there");
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|peak| peak.trim().strip_suffix(" kB"))
        .expect("a peak");
    println!("{SAYS}{peak}");
}

/// A process that makes a run.
struct Maker {
    process: Child,
    output: Lines<BufReader<ChildStdout>>,
}

impl Maker {
    fn start(script: &str) -> Maker {
        Maker::start_as(script, false)
    }

    fn start_as(script: &str, observe: bool) -> Maker {
        let program = std::env::current_exe().expect("a test is a program");
        let mut process = Command::new(program)
            .envs(observe.then_some((OBSERVE_VAR, "yes")))
            .args(["--exact", "--nocapture"])
            .arg("run::tests::makes_the_run_of_another_test")
            .env(SCRIPT_VAR, script)
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program starts");
        let output = process.stdout.take().expect("it has one");
        let output = BufReader::new(output).lines();
        Maker { process, output }
    }

    /// What it says next.
    fn says(&mut self) -> String {
        let mut lines = self.output.by_ref().map(|line| line.expect("a line"));
        lines
            .find_map(|line| line.strip_prefix(SAYS).map(str::to_owned))
            .expect("it says something")
    }

    /// The process whose number the run prints next.
    fn pid(&mut self) -> Pid {
        let line = self.says();
        let number = line.strip_prefix("pid ").expect("a number");
        Pid::from_raw(number.parse().expect("a number"))
    }

    fn kill(mut self) {
        self.process.kill().expect("it is there");
        self.process.wait().expect("it was killed");
    }
}

/// Waits until the process has ended; who reaps it does not matter.
#[track_caller]
fn assert_ends(pid: Pid) {
    let begun = Instant::now();
    while proc::stat(pid).is_some_and(|stat| !stat.zombie) {
        if begun.elapsed() > PATIENCE {
            // It ends with this test.
            let _ = kill(pid, Signal::SIGKILL);
            panic!("{pid} goes on");
        }
        std::thread::yield_now();
    }
}

#[test]
fn a_run_ends_with_its_killed_tool_outside_its_group_and_without_its_environment() {
    for observe in [false, true] {
        let mut maker = Maker::start_as(
            "sleep 1000 & echo pid $!
             env -i setsid sh -c 'trap \"\" HUP INT TERM; echo pid $$; exec sleep 1000' &
             echo pid $$
             wait",
            observe,
        );
        let pids = [maker.pid(), maker.pid(), maker.pid()];
        maker.kill();
        for pid in pids {
            assert_ends(pid);
        }
    }
}

#[test]
fn an_observed_process_without_group_and_mark_ends_with_the_killed_tool() {
    // Without an observer it is a stranger.
    let stranger = "setsid sh -c 'ulimit -S -m 1000000; echo pid $$; exec sleep 1000' & wait";
    let mut maker = Maker::start_as(stranger, true);
    let pid = maker.pid();
    maker.kill();
    assert_ends(pid);
}

#[test]
fn a_runs_main_process_ends_with_its_killed_tool_without_a_watchdog() {
    let mut maker = Maker::start("echo pid $$; exec sleep 1000");
    let main = maker.pid();
    let tool = Pid::from_raw(maker.process.id().cast_signed());
    let mut watchdog = proc::children(tool);
    watchdog.retain(|pid| *pid != main);
    assert_eq!(watchdog.len(), 1, "{watchdog:?}");
    kill(watchdog[0], Signal::SIGKILL).expect("it is there");
    assert_ends(watchdog[0]);
    maker.kill();
    assert_ends(main);
}

#[test]
fn output_without_end_costs_bounded_memory() {
    // Bytes without a line's end, long lines, empty ones, and nothing but changes of colour.
    let colours = r"$(printf '\033[31ma\033[1;32mb%.0s' $(seq 1000))";
    for (script, more_than) in [
        (r"exec tr '\0' x < /dev/zero", "8 MiB"),
        ("exec yes $(printf %01000d 1)", "8 MiB"),
        ("exec yes ''", "100000 lines"),
        (&format!("exec yes \"{colours}\""), "8 MiB"),
        (&format!("yes \"{colours}\" | tr -d '\\n'"), "8 MiB"),
    ] {
        let mut maker = Maker::start(script);
        let ended = format!("was ended: it printed more than {more_than}");
        assert_eq!(maker.says(), ended, "{script}");
        let peak: u64 = maker.says().parse().expect("KiB");
        maker.process.wait().expect("it ends");
        assert!(peak < 200 << 10, "{script}: {} MiB", peak >> 10);
    }
}
