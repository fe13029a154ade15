//! What becomes of calls whose workers are lost, and of the pools that lose them.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use nix::libc;
use nix::sys::prctl::set_child_subreaper;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, kill, raise, sigaction};
use nix::sys::wait::waitpid;
use nix::unistd::{Pid, getpid, pipe, read, write};
use process_pool::{Builder, Ending, Error, Event, Pool, Slice, StartMethod, Unfinished};

use crate::endings::failing;
use crate::processes::{again, children, open_descriptors};
use crate::tasks::{
    append_line, append_then_wait, double, fail_once, first_two_are_lost, name_and_pid,
    panic_in_replacements, parents_pid, sleep_at_start, sum_words, wait_for_file,
};
use crate::together::of_the_workers_thread;
use crate::{READ_ABOVE_THE_GUARD, folder, gone_within_a_second, pool};

/// Longer than any test waits.
const FOR_EVER: &str = "/nonexistent";

fn builder(method: StartMethod, workers: usize) -> Builder {
    Pool::builder(method).workers(workers)
}

/// The pool, and what it tells from now on.
fn told(builder: Builder) -> (Pool, Receiver<Event>) {
    let (tell, events) = mpsc::channel();
    let hook = move |event: &Event| {
        // Nobody listens any more when the test is over.
        let _ = tell.send(event.clone());
    };
    (builder.on_event(hook).start().expect("starts"), events)
}

/// The events of a pool in words, once it is gone, without the workers' starts.
fn words(pool: Pool, events: Receiver<Event>) -> Vec<String> {
    drop(pool);
    events
        .iter()
        .filter(|event| !matches!(event, Event::Started { .. }))
        .map(|event| event.to_string())
        .collect()
}

/// The name of a worker, and of one in the place of a lost one.
fn names(method: StartMethod) -> (&'static str, &'static str) {
    match method {
        StartMethod::Fork => ("ForkProcess", "ForkServerProcess"),
        StartMethod::Spawn => ("SpawnProcess", "SpawnProcess"),
        StartMethod::ForkServer => ("ForkServerProcess", "ForkServerProcess"),
    }
}

/// The process id of a worker of the pool.
fn a_worker(pool: &Pool) -> Pid {
    let folder = folder().join("one");
    fs::create_dir_all(&folder).expect("a folder");
    let meeting = (folder.display().to_string(), 1);
    let (_, pid) = pool.map(name_and_pid, [meeting]).expect("maps").remove(0);
    Pid::from_raw(pid.cast_signed())
}

pub fn replaced(method: StartMethod) {
    let (pool, events) = told(builder(method, 1));
    for _ in 0..3 {
        let lost = failing(&pool, "kill");
        assert!(matches!(lost, Error::WorkerLost { .. }), "{lost}");
        assert_eq!(pool.map(double, [1, 2]).expect("maps"), [2, 4]);
    }
    let statistics = pool.statistics();
    assert_eq!((statistics.calls, statistics.retries), (9, 0));
    // The name of a task is in each request; a number is in each reply.
    assert!(statistics.bytes_sent > 6 * "pool::tasks::double".len() as u64);
    assert!(statistics.bytes_received >= 6);
    assert_eq!(statistics.replacements, 3);
    let (first, later) = names(method);
    assert_eq!(
        words(pool, events),
        [
            format!("{first}-1 was killed by SIGKILL during batch 1"),
            format!("{later}-2 serves in the place of {first}-1"),
            format!("{later}-2 was killed by SIGKILL during batch 4"),
            format!("{later}-3 serves in the place of {later}-2"),
            format!("{later}-3 was killed by SIGKILL during batch 7"),
            format!("{later}-4 serves in the place of {later}-3"),
        ]
    );
}

pub fn replaced_while_idle(method: StartMethod) {
    let (pool, events) = told(builder(method, 1));
    kill(a_worker(&pool), Signal::SIGKILL).expect("kill");
    // No call has to come for the loss to be seen.
    let seen = |event: &Event| matches!(event, Event::Replaced { .. });
    while !seen(&events.recv().expect("an event")) {}
    assert_eq!(pool.map(double, [1]).expect("maps"), [2]);
    assert_eq!(pool.statistics().retries, 0);
}

/// Where the thread that [`hold`] has tells so, and what it waits for.
static HOLD: OnceLock<(OwnedFd, OwnedFd)> = OnceLock::new();

extern "C" fn hold(_: i32) {
    if let Some((held, go)) = HOLD.get() {
        let _ = write(held, b"h");
        let _ = read(go, &mut [0]);
    }
}

/// Holds the thread of this process that has the worker's name, once it sleeps; it goes on
/// when what this returns is dropped.
fn hold_the_workers_thread() -> OwnedFd {
    let ((is_held, held), (go, goes_on)) = (pipe().expect("pipe"), pipe().expect("pipe"));
    HOLD.set((held, go)).expect("once");
    let action = SigAction::new(SigHandler::Handler(hold), SaFlags::empty(), SigSet::empty());
    // SAFETY: the handler makes only system calls that it may (signal-safety(7)).
    unsafe { sigaction(Signal::SIGUSR1, &action) }.expect("sigaction");
    while !of_the_workers_thread("State:").starts_with('S') {
        thread::sleep(Duration::from_millis(1));
    }
    let thread: i32 = of_the_workers_thread("Pid:").parse().expect("a number");
    // SAFETY: the call takes three integers and no memory.
    let told = unsafe {
        let signal = Signal::SIGUSR1 as i32;
        libc::syscall(libc::SYS_tgkill, getpid().as_raw(), thread, signal)
    };
    assert_eq!(told, 0);
    read(&is_held, &mut [0]).expect("read");
    goes_on
}

pub fn next_one_has_the_call(method: StartMethod) {
    let (pool, events) = told(builder(method, 1));
    let worker = a_worker(&pool);
    let goes_on = hold_the_workers_thread();
    kill(worker, Signal::SIGKILL).expect("kill");
    let has_ended = || {
        let stat = fs::read_to_string(format!("/proc/{worker}/stat"));
        stat.map_or(true, |stat| stat.contains(") Z "))
    };
    while !has_ended() {
        thread::sleep(Duration::from_millis(1));
    }
    // Nobody but the caller can see that it is dead.
    let call = pool.submit(double, 21).expect("submits");
    drop(goes_on);
    assert_eq!(call.wait().expect("the next one does it"), 42);
    assert_eq!(pool.statistics().retries, 0);
    let (first, later) = names(method);
    assert_eq!(
        words(pool, events),
        [
            format!("{first}-1 was killed by SIGKILL while it was idle"),
            format!("{later}-2 serves in the place of {first}-1"),
        ]
    );
}

pub fn retried(method: StartMethod) {
    let folder = folder();
    let (pool, events) = told(builder(method, 2).retries(1));
    let flags = |i: u64| folder.join(i.to_string()).display().to_string();
    let results = pool
        .map(fail_once, (0..20).map(|i| (flags(i), i)))
        .expect("maps");
    assert_eq!(results, (0..20).collect::<Vec<_>>());
    let statistics = pool.statistics();
    assert_eq!((statistics.calls, statistics.retries), (20, 20));
    let words = words(pool, events);
    let again = |word: &&String| word.ends_with("runs again");
    assert_eq!(words.iter().filter(again).count(), 20, "{words:#?}");
    fs::remove_dir_all(folder).expect("clean");
}

pub fn retries_spent(method: StartMethod) {
    let pool = builder(method, 1).retries(2).start().expect("starts");
    let error = failing(&pool, "kill");
    let (first, later) = names(method);
    let task = "pool::tasks::fail";
    assert_eq!(
        error.to_string(),
        format!(
            "{later}-3 was killed by SIGKILL during batch 1 of `{task}`, without a reply; \
             before it {later}-2 was killed by SIGKILL; before it {first}-1 was killed by SIGKILL"
        )
    );
    assert_eq!(pool.map(double, [1]).expect("the pool lives on"), [2]);
}

pub fn deadline(method: StartMethod) {
    let limit = Duration::from_millis(200);
    let pool = builder(method, 1).deadline(limit).start().expect("starts");
    let overdue = pool.map(wait_for_file, [FOR_EVER.to_owned()]);
    match overdue {
        Err(Error::WorkerLost { ending, .. }) => {
            assert_eq!(ending, Ending::Overdue { deadline: limit });
            assert!(ending.to_string().contains("deadline of 0.2 s"), "{ending}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(pool.map(double, [1]).expect("maps"), [2]);
    drop(pool);

    let pool = crate::pool(method, 1);
    let task = pool
        .submit_within(wait_for_file, FOR_EVER.to_owned(), limit)
        .expect("submits");
    assert!(matches!(task.wait(), Err(Error::WorkerLost { .. })));
    let start = Instant::now();
    let task = pool
        .submit_within(double, 1, Duration::from_secs(60))
        .expect("submits");
    assert_eq!(task.wait().expect("in time"), 2);
    assert!(start.elapsed() < Duration::from_secs(60));
}

pub fn stopped(method: StartMethod) {
    let pool = builder(method, 1)
        .deadline(Duration::from_millis(300))
        .retries(1)
        .start()
        .expect("starts");
    for call in 0..3 {
        kill(a_worker(&pool), Signal::SIGSTOP).expect("kill");
        assert_eq!(pool.map(double, [call]).expect("maps"), [2 * call]);
    }
    assert_eq!(pool.statistics().replacements, 3);
}

pub fn initializer_overdue(method: StartMethod) {
    let error = builder(method, 2)
        .initializer(sleep_at_start)
        .deadline(Duration::from_millis(200))
        .start()
        .expect_err("cannot start");
    let text = error.to_string();
    assert!(
        text.contains("sleep_at_start") && text.contains("it was killed at its deadline of 0.2 s"),
        "{text}"
    );
    assert_eq!(children("self"), "");
}

pub fn lost_in_the_initializer(method: StartMethod) {
    let builder = || {
        let builder = builder(method, 3).initializer(first_two_are_lost);
        builder.deadline(Duration::from_millis(500))
    };
    let error = builder()
        .start()
        .expect_err("nothing is retried")
        .to_string();
    assert!(
        error.contains("first_two_are_lost`: it was killed "),
        "{error}"
    );
    assert_eq!(children("self"), "");

    let (pool, events) = told(builder().retries(1));
    assert_eq!(pool.map(double, [1, 2]).expect("maps"), [2, 4]);
    let statistics = pool.statistics();
    assert_eq!((statistics.retries, statistics.replacements), (0, 2));
    let words = words(pool, events);
    for what in [
        "-1 did not get",
        "it was killed by SIGKILL",
        "its deadline of 0.5 s",
    ] {
        let said = words.iter().filter(|word| word.contains(what)).count();
        assert_eq!(said, 1, "{what}: {words:#?}");
    }
}

/// Stops a new child of this process between its vfork(2) and its execve(2), if it meets one
/// there before the `end`.
fn stop_before_it_executes(end: &AtomicBool) -> bool {
    let command_of = |process: &str| fs::read(format!("/proc/{process}/cmdline")).ok();
    let own = command_of("self");
    let old = children("self");
    while !end.load(Ordering::Relaxed) {
        let all = children("self");
        let new = all.split(' ').find(|child| !old.contains(child));
        if let Some(child) = new
            && command_of(child) == own
            && let Ok(pid) = child.parse()
        {
            let _ = kill(Pid::from_raw(pid), Signal::SIGSTOP);
            // It stops when it leaves the kernel, where it may have been executing already.
            let is_stopped = || {
                let stat = fs::read_to_string(format!("/proc/{child}/stat"));
                stat.map(|stat| stat.contains(") T "))
            };
            while is_stopped().is_ok_and(|stopped| !stopped) {}
            return command_of(child) == own;
        }
    }
    false
}

pub fn stopped_before_it_executes(method: StartMethod) {
    let limit = Duration::from_millis(200);
    for _ in 0..200 {
        // One for each round: a fork server is started for the first worker that needs it.
        let pool = builder(method, 1).deadline(limit).start().expect("starts");
        let end = AtomicBool::new(false);
        let stopped = thread::scope(|scope| {
            let stopper = scope.spawn(|| stop_before_it_executes(&end));
            failing(&pool, "kill");
            assert_eq!(pool.map(double, [1]).expect("maps"), [2]);
            end.store(true, Ordering::Relaxed);
            stopper.join().expect("joins")
        });
        if stopped {
            assert_eq!(pool.statistics().replacements, 1);
            return;
        }
    }
    panic!("expected to meet one before it executes its program");
}

pub fn hook_panics(method: StartMethod) {
    let builder = builder(method, 1).retries(1);
    let pool = builder.on_event(|event| panic!("told of {event}"));
    let pool = pool.start().expect("starts");
    for call in 0..3 {
        kill(a_worker(&pool), Signal::SIGKILL).expect("kill");
        assert_eq!(pool.map(double, [call]).expect("maps"), [2 * call]);
    }
}

pub fn cancelled(method: StartMethod) {
    let folder = folder();
    let path = folder.join("lines");
    File::create(&path).expect("create");
    let lines = || fs::read_to_string(&path).expect("read");
    let path = path.display().to_string();
    let (pool, events) = told(builder(method, 1));

    let running = pool
        .submit(append_then_wait, (path.clone(), FOR_EVER.to_owned()))
        .expect("submits");
    let waiting = pool.submit(append_line, path.clone()).expect("submits");
    while lines().is_empty() {
        thread::sleep(Duration::from_millis(1));
    }
    let running = running
        .wait_timeout(Duration::from_millis(10))
        .expect_err("it has no result yet");
    waiting.cancel();
    running.cancel();
    // Of what is over, cancelling changes nothing.
    let over = pool.submit(double, 1).expect("submits");
    let after = pool.submit(double, 2).expect("submits");
    assert_eq!(after.wait().expect("the next worker does it"), 4);
    over.cancel();
    assert_eq!(pool.map(double, [3]).expect("maps"), [6]);
    assert_eq!(lines(), "line\n", "the second call was never begun");
    assert_eq!(pool.statistics().replacements, 1);
    let (first, later) = names(method);
    assert_eq!(
        words(pool, events),
        [
            format!("{first}-1 was killed by SIGKILL during batch 1"),
            format!("{later}-2 serves in the place of {first}-1"),
        ]
    );
    fs::remove_dir_all(folder).expect("clean");
}

pub fn shut_down(method: StartMethod) {
    let quiet = pool(method, 1);
    let words = Slice::from(vec![1; 1 << 17]);
    let sums: Vec<_> = (0..20)
        .map(|_| quiet.submit(sum_words, (words.clone(), words.clone())))
        .collect::<Result<_, _>>()
        .expect("submits");
    assert_eq!(quiet.shutdown(Duration::from_secs(60)), []);
    for sum in sums {
        assert_eq!(sum.wait().expect("it was waited for"), 1 << 18);
    }

    let (pool, events) = told(builder(method, 1).retries(3));
    let submit = |argument: &str| {
        pool.submit(wait_for_file, argument.to_owned())
            .expect("submits")
    };
    let done = submit("/");
    let (running, waiting) = (submit(FOR_EVER), submit(FOR_EVER));
    done.wait().expect("a result");
    let unfinished = pool.shutdown(Duration::from_millis(200));
    let task = "pool::tasks::wait_for_file";
    let worker = Some(format!("{}-1", names(method).0));
    assert_eq!(
        unfinished,
        [
            Unfinished {
                call: 2,
                task,
                worker
            },
            Unfinished {
                call: 3,
                task,
                worker: None
            },
        ]
    );
    for (task, number) in [(running, 2), (waiting, 3)] {
        assert!(
            matches!(task.wait(), Err(Error::Cancelled { call, .. }) if call == number),
            "{number}"
        );
    }
    let told: Vec<Event> = events.iter().collect();
    let replaced = |event: &Event| matches!(event, Event::Replaced { .. });
    assert!(!told.iter().any(replaced), "{told:?}");
    assert_eq!(children("self"), "");
}

pub fn never_replaced(method: StartMethod) {
    let builder = builder(method, 2).initializer(panic_in_replacements);
    let (pool, events) = told(builder);
    let lost = failing(&pool, "kill");
    assert!(matches!(lost, Error::WorkerLost { .. }), "{lost}");
    assert_eq!(pool.map(double, [1]).expect("the other one lives on"), [2]);
    failing(&pool, "kill");
    match pool.map(double, [1]) {
        Err(Error::NoWorkerLeft { why: Some(why), .. }) => {
            assert!(why.contains("one too many"), "{why}");
        }
        other => panic!("{other:?}"),
    }
    let words = words(pool, events);
    let given_up = |word: &&String| word.contains("is not replaced: ");
    assert_eq!(words.iter().filter(given_up).count(), 2, "{words:#?}");
}

pub fn server_stopped(method: StartMethod) {
    // A worker becomes an orphan, and the process that adopts it has to reap it.
    set_child_subreaper(true).expect("prctl");
    let limit = Duration::from_millis(300);
    let first = builder(method, 1).deadline(limit).start().expect("starts");
    let server = Pid::from_raw(first.map(parents_pid, [0]).expect("maps")[0]);
    kill(server, Signal::SIGSTOP).expect("kill");
    // The workers that are there need no server, and a pool that needs one gets another.
    assert_eq!(first.map(double, [1]).expect("maps"), [2]);
    let second = builder(method, 1).deadline(limit).start().expect("starts");
    let other = Pid::from_raw(second.map(parents_pid, [0]).expect("maps")[0]);
    assert_ne!(other, server);
    drop((first, second));
    while waitpid(None, None).is_ok() {}
}

pub fn threads_parent_killed(method: StartMethod) {
    if env::var_os("DOOMED").is_some() {
        let pids = thread::spawn(move || {
            let pool = pool(method, 2);
            for _ in 0..2 {
                drop(
                    pool.submit(wait_for_file, FOR_EVER.to_owned())
                        .expect("submits"),
                );
            }
            let pids = children("self");
            std::mem::forget(pool);
            pids
        });
        println!("{}", pids.join().expect("joins"));
        std::io::stdout().flush().expect("flush");
        raise(Signal::SIGKILL).expect("raise");
    }
    if method == StartMethod::Fork {
        // A process with another thread does not fork.
        return;
    }
    set_child_subreaper(true).expect("prctl");
    let mut doomed = again("DOOMED")
        .stdout(Stdio::piped())
        .spawn()
        .expect("spawn");
    let mut line = String::new();
    BufReader::new(doomed.stdout.take().expect("piped"))
        .read_line(&mut line)
        .expect("read");
    doomed.wait().expect("wait");
    let of_parent = line.split_whitespace().count();
    assert_eq!(
        of_parent,
        if method == StartMethod::Spawn { 2 } else { 1 },
        "{line:?}"
    );
    // Each of them, and the server's workers, are this process's children now.
    assert!(
        gone_within_a_second(|| {
            while waitpid(None, Some(nix::sys::wait::WaitPidFlag::WNOHANG))
                .is_ok_and(|status| status.pid().is_some())
            {}
            children("self").is_empty()
        }),
        "a worker outlived its parent"
    );
}

pub fn standard_input_above_the_guard(method: StartMethod) {
    if env::var_os(READ_ABOVE_THE_GUARD).is_some() {
        assert_eq!(
            pool(method, 2).map(double, 0..4).expect("maps"),
            [0, 2, 4, 6]
        );
        return;
    }
    let mut parent = again(READ_ABOVE_THE_GUARD)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("spawn");
    let mut input = parent.stdin.take().expect("piped");
    writeln!(input, "for the parent").expect("write");
    // It stays open: a worker that reads it would wait for the next line.
    let output = parent.wait_with_output().expect("runs");
    drop(input);
    assert!(output.status.success());
    let printed = String::from_utf8_lossy(&output.stdout);
    assert_eq!(printed.matches("<for the parent>").count(), 1, "{printed}");
    let others = match method {
        StartMethod::Fork => 0,
        StartMethod::ForkServer => 1,
        StartMethod::Spawn => 2,
    };
    assert_eq!(printed.matches("<>").count(), others, "{printed}");
}

pub fn limit_named(method: StartMethod) {
    let before = open_descriptors();
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("getrlimit");
    setrlimit(Resource::RLIMIT_NOFILE, before as u64 + 20, hard).expect("setrlimit");
    let error = builder(method, 60)
        .start()
        .expect_err("refused")
        .to_string();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).expect("setrlimit");
    let limit = format!("ulimit -n: at most {} open files", before + 20);
    assert!(error.contains(&limit), "{error}");
    assert_eq!(
        open_descriptors(),
        before,
        "a half-started pool is cleaned up"
    );
    assert_eq!(children("self"), "");
    assert_eq!(pool(method, 2).map(double, [1]).expect("maps"), [2]);
}

/// Bytes of this process that are resident.
fn resident() -> u64 {
    let statm = fs::read_to_string("/proc/self/statm").expect("statm");
    statm
        .split(' ')
        .nth(1)
        .expect("pages")
        .parse::<u64>()
        .expect("pages")
        * 4096
}

pub fn thousand_cycles(method: StartMethod) {
    let cycle = || {
        let pool = pool(method, 2);
        assert_eq!(pool.map(double, [1, 2]).expect("maps"), [2, 4]);
    };
    (0..100).for_each(|_| cycle());
    let before = (open_descriptors(), resident());
    (0..900).for_each(|_| cycle());
    assert_eq!(open_descriptors(), before.0);
    assert_eq!(children("self"), "");
    let grown = resident().saturating_sub(before.1);
    assert!(grown < 1 << 20, "{grown} bytes more in 900 cycles");
}

/// Numbers from a seed (xorshift64*, Vigna 2016), as good as the faults need them.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) % bound
    }
}

/// Kills and stops workers at random while every sum must be exact. `FAULTS_SECONDS` and
/// `FAULTS_SEED` in the environment choose how long and which.
pub fn random_faults(method: StartMethod) {
    // The workers of a server that is killed become this process's children.
    set_child_subreaper(true).expect("prctl");
    let number = |variable| env::var(variable).ok()?.parse::<u64>().ok();
    let seconds = number("FAULTS_SECONDS").unwrap_or(3);
    let seed = number("FAULTS_SEED").unwrap_or(u64::from(getpid().as_raw().unsigned_abs()));
    println!("FAULTS_SEED={seed}");
    let mut random = Random(seed | 1);
    let pool = builder(method, 4)
        .retries(20)
        .deadline(Duration::from_millis(500))
        .start()
        .expect("starts");
    let end = Instant::now() + Duration::from_secs(seconds);
    let (mut faults, mut sums) = (0u64, 0u64);
    thread::scope(|scope| {
        let calls = scope.spawn(|| {
            let mut sums = 0u64;
            while Instant::now() < end {
                let numbers: Vec<u64> = (sums..sums + 20).collect();
                let doubled = pool.map(double, numbers.iter().copied()).expect("maps");
                assert_eq!(doubled.iter().sum::<u64>(), 2 * numbers.iter().sum::<u64>());
                sums += 1;
            }
            sums
        });
        while Instant::now() < end {
            thread::sleep(Duration::from_millis(random.below(100)));
            let [workers, servers] = descendants();
            // Now and then it is the server itself, and all its workers with it.
            let of = if random.below(20) == 0 {
                servers
            } else {
                workers
            };
            let Some(&worker) = of.get(random.below(of.len().max(1) as u64) as usize) else {
                continue;
            };
            let signals = [
                Signal::SIGKILL,
                Signal::SIGTERM,
                Signal::SIGABRT,
                Signal::SIGSTOP,
            ];
            faults += u64::from(kill(worker, signals[random.below(4) as usize]).is_ok());
        }
        sums = calls.join().expect("every sum is exact");
    });
    let statistics = pool.statistics();
    println!("{faults} faults, {sums} exact sums, {statistics:?}");
    assert!(statistics.replacements > 0 && sums > 0);
    drop(pool);
    while waitpid(None, None).is_ok() {}
}

/// The workers of this process, its own children or its fork servers', and the servers.
fn descendants() -> [Vec<Pid>; 2] {
    // A zombie, as an orphan of a server becomes here, is nobody to kill.
    let lives = |pid: &i32| {
        fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
    };
    let pids = |text: String| -> Vec<i32> {
        let pids = text.split_whitespace().filter_map(|pid| pid.parse().ok());
        pids.filter(lives).collect()
    };
    let is_server = |pid: &i32| {
        fs::read_to_string(format!("/proc/{pid}/cmdline"))
            .is_ok_and(|command| command.contains("fork-server\0"))
    };
    let (servers, mut workers): (Vec<i32>, Vec<i32>) =
        pids(children("self")).into_iter().partition(is_server);
    for server in &servers {
        workers.extend(pids(children(&server.to_string())));
    }
    [workers, servers].map(|pids| pids.into_iter().map(Pid::from_raw).collect())
}
