//! Workers and parents of `data-sink` and `shared-memory` that are killed or stopped at any
//! moment: the exact sum or a named error, in time, and nothing left behind.
//!
//! `FAULTS_SEED` in the environment chooses the moments, `FAULTS_TRIES` how many of them.

use std::env;
use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use fork_spawn_share::root;
use nix::errno::Errno;
use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::os::unix::process::{CommandExt, ExitStatusExt};

/// What every run prints that comes to its end.
const EXACT: &str = "total_sum=6666248";
const RECORDS: &str = "20_000_000";
const METHODS: [&str; 3] = ["fork", "spawn", "fork-server"];
/// A run that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// One run at a time: they share the machine, and the orphans of this process.
static TURN: Mutex<()> = Mutex::new(());

/// The two programs, built.
fn programs() -> &'static [PathBuf; 2] {
    static BUILT: OnceLock<[PathBuf; 2]> = OnceLock::new();
    BUILT.get_or_init(|| {
        let out = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--message-format=json"])
            .args(["--package", "data-sink", "--package", "shared-memory"])
            .args(["--bin", "data-sink", "--bin", "shared-memory"])
            .current_dir(root())
            .stderr(Stdio::inherit())
            .output()
            .expect("cargo runs");
        let mut programs: Vec<PathBuf> = String::from_utf8_lossy(&out.stdout)
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
            .filter_map(|message| Some(PathBuf::from(message["executable"].as_str()?)))
            .collect();
        programs.sort();
        let programs: [PathBuf; 2] = programs.try_into().expect("two programs");
        // The data is there before anything is killed.
        for program in &programs {
            let status = Command::new(program)
                .args(["--records", RECORDS])
                .stdout(Stdio::null())
                .status();
            assert!(status.expect("runs").success());
        }
        programs
    })
}

/// Moments from a seed (xorshift64*, Vigna 2016).
struct Random(u64);

impl Random {
    fn new() -> Self {
        let seed = env::var("FAULTS_SEED")
            .ok()
            .and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or(u64::from(std::process::id()));
        println!("FAULTS_SEED={seed}");
        Self(seed | 1)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) % bound
    }
}

/// The living children of a process, whichever of its threads started them.
fn children(process: i32) -> Vec<i32> {
    let threads = fs::read_dir(format!("/proc/{process}/task"));
    threads
        .into_iter()
        .flatten()
        .filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("children")).ok())
        .flat_map(|text| {
            let pids = text.split_whitespace().filter_map(|pid| pid.parse().ok());
            pids.collect::<Vec<i32>>()
        })
        .collect()
}

/// The workers of a run: its children, or those of its fork server.
fn workers(run: i32) -> Vec<i32> {
    let is_server = |pid: &i32| {
        fs::read_to_string(format!("/proc/{pid}/cmdline"))
            .is_ok_and(|command| command.contains("fork-server\0"))
    };
    let (servers, mut workers): (Vec<i32>, Vec<i32>) =
        children(run).into_iter().partition(is_server);
    workers.extend(servers.into_iter().flat_map(children));
    workers
}

struct Ended {
    status: ExitStatus,
    out: String,
    err: String,
}

/// Runs a program, does `harm` to it at some moment of its pool's life, and returns how it
/// ended, once nothing of it is left.
fn run(
    random: &mut Random,
    program: &PathBuf,
    arguments: &[&str],
    harm: impl FnOnce(i32, &mut Random),
) -> Ended {
    let mut child = Command::new(program)
        .args(["--records", RECORDS])
        .args(arguments)
        .process_group(0)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let pid = child.id().cast_signed();
    let (out, err) = (read(child.stdout.take()), read(child.stderr.take()));
    let start = Instant::now();
    while workers(pid).is_empty() && child.try_wait().expect("wait").is_none() {
        assert!(start.elapsed() < PATIENCE, "no worker came");
        thread::sleep(Duration::from_micros(50));
    }
    // Half of the moments while workers start: they may not even execute their program yet.
    let span = [1_000, 150_000][random.below(2) as usize];
    thread::sleep(Duration::from_micros(random.below(span)));
    harm(pid, random);
    let status = wait(&mut child, start);
    let group = Pid::from_raw(pid);
    let ended = Instant::now();
    // The orphans of a killed parent are this process's children.
    while killpg(group, None) != Err(Errno::ESRCH) {
        let reaped = waitpid(Pid::from_raw(-pid), Some(WaitPidFlag::WNOHANG));
        if matches!(reaped, Ok(WaitStatus::StillAlive) | Err(_)) {
            if ended.elapsed() > Duration::from_secs(1) {
                let _ = killpg(group, Signal::SIGKILL);
                panic!("{program:?} {arguments:?}: a process is left after a second");
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
    Ended {
        status,
        out: out.join().expect("reads"),
        err: err.join().expect("reads"),
    }
}

fn read(from: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    let mut from = from.expect("piped");
    thread::spawn(move || {
        let mut text = String::new();
        from.read_to_string(&mut text).expect("text");
        text
    })
}

fn wait(child: &mut Child, start: Instant) -> ExitStatus {
    loop {
        if let Some(status) = child.try_wait().expect("wait") {
            return status;
        }
        if start.elapsed() > PATIENCE {
            let _ = killpg(Pid::from_raw(child.id().cast_signed()), Signal::SIGKILL);
            let _ = child.wait();
            panic!("it hangs");
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// Each program by each method, so often, at a moment of its own.
fn at_any_moment(tries: usize, mut attempt: impl FnMut(&mut Random, &PathBuf, &str)) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    set_child_subreaper(true).expect("prctl");
    let tries = env::var("FAULTS_TRIES")
        .ok()
        .and_then(|tries| tries.parse().ok())
        .unwrap_or(tries);
    let mut random = Random::new();
    for _ in 0..tries {
        for program in programs() {
            for method in METHODS {
                attempt(&mut random, program, method);
            }
        }
    }
}

/// Sends a signal to one of the workers, if there still is one.
fn to_a_worker(signal: Signal) -> impl Fn(i32, &mut Random) {
    move |run, random| {
        let workers = workers(run);
        if let Some(&worker) = workers.get(random.below(workers.len().max(1) as u64) as usize) {
            let _ = kill(Pid::from_raw(worker), signal);
        }
    }
}

#[test]
fn with_retries_the_sum_is_exact_whenever_a_worker_is_killed_or_stopped() {
    at_any_moment(3, |random, program, method| {
        let signal = [Signal::SIGKILL, Signal::SIGSTOP][random.below(2) as usize];
        let arguments = [method, "--retries", "2", "--deadline", "2"];
        let ended = run(random, program, &arguments, to_a_worker(signal));
        let exact = ended.status.success() && ended.out.contains(EXACT);
        assert!(
            exact,
            "{program:?} {method} {signal}: {}\n{}{}",
            ended.status, ended.out, ended.err
        );
    });
}

#[test]
fn without_retries_a_lost_batch_is_an_error_that_names_worker_ending_and_batch() {
    at_any_moment(3, |random, program, method| {
        let ended = run(random, program, &[method], to_a_worker(Signal::SIGKILL));
        let exact = ended.status.success() && ended.out.contains(EXACT);
        let named = ended.status.code() == Some(1)
            && ended.err.lines().count() == 1
            && (ended.err.contains("Process-") && ended.err.contains("was killed by SIGKILL"));
        assert!(
            exact || named,
            "{program:?} {method}: {}\n{}{}",
            ended.status,
            ended.out,
            ended.err
        );
    });
}

#[test]
fn a_run_that_is_ended_ends_by_that_signal_with_one_line_and_leaves_nothing() {
    at_any_moment(2, |random, program, method| {
        let signals = [Signal::SIGKILL, Signal::SIGTERM, Signal::SIGINT];
        let signal = signals[random.below(3) as usize];
        let ended = run(random, program, &[method], |run, _| {
            let _ = kill(Pid::from_raw(run), signal);
        });
        let said = match signal {
            Signal::SIGKILL => String::new(),
            signal => format!("error: ended by {signal}\n"),
        };
        let by_signal = ended.status.signal() == Some(signal as i32) && ended.err == said;
        assert!(
            by_signal || ended.status.success(),
            "{program:?} {method} {signal}: {} {:?}",
            ended.status,
            ended.err
        );
    });
}

/// A limit of the shell, and what a run says that does not fit into it.
#[test]
fn a_limit_that_a_run_does_not_fit_is_named() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    for program in programs() {
        for (limit, said) in [
            ("ulimit -v 200000", "address space (ulimit -v), "),
            ("ulimit -n 6", "(ulimit -n: at most 6 open files, "),
        ] {
            let script = format!("{limit}; exec \"$0\" spawn --records {RECORDS}");
            let ended = Command::new("sh")
                .args(["-c", &script])
                .arg(program)
                .output()
                .expect("sh runs");
            let err = String::from_utf8_lossy(&ended.stderr);
            assert_eq!(ended.status.code(), Some(1), "{program:?} {limit}: {err}");
            assert!(err.contains(said), "{program:?} {limit}: {err}");
            assert_eq!(err.lines().count(), 1, "{program:?} {limit}: {err}");
        }
    }
}
