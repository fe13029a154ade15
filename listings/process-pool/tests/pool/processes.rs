//! The processes of a pool: where they come from, what they hold, what outlives them.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use std::{env, fs, thread};

use nix::errno::Errno;
use nix::sys::prctl::set_child_subreaper;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigHandler, Signal, kill, raise, signal};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use process_pool::{Ending, Error, Pool, StartMethod};

use crate::calls::call_each;
use crate::endings::failing;
use crate::tasks::{
    append_then_wait, count_sockets, double, open_many, outlive_parent_if_it_can, parents_pid,
    wait_for_file,
};
use crate::{
    ABOVE_THE_GUARD, PRINT_ABOVE_THE_GUARD, THREAD_ABOVE_THE_GUARD, folder, gone_within_a_second,
    pool,
};

pub fn sockets(method: StartMethod) {
    let pool = pool(method, 4);
    let counts = call_each(4, |calls| pool.map(count_sockets, calls)).expect("maps");
    assert_eq!(counts, [1; 4]);
}

pub fn open_descriptors() -> usize {
    fs::read_dir("/proc/self/fd").expect("proc").count()
}

pub fn too_many_descriptors(method: StartMethod) {
    let pool = pool(method, 1);
    let before = open_descriptors();
    let limit = before as u64 + 8;
    setrlimit(Resource::RLIMIT_NOFILE, limit, limit).expect("setrlimit");
    match pool.map(open_many, [40]) {
        Err(Error::WorkerLost {
            ending: Ending::ProtocolViolation { why },
            ..
        }) => {
            assert!(why.contains("Too many open files"), "{why}");
        }
        other => panic!("{other:?}"),
    }
    drop(pool);
    assert!(
        open_descriptors() <= before,
        "{} of {before}",
        open_descriptors()
    );
}

pub fn nothing_left(method: StartMethod) {
    let before = open_descriptors();
    for round in 0..50 {
        let pool = pool(method, 3);
        if round % 2 == 0 {
            pool.map(double, 0..10).expect("maps");
        }
        if round % 10 == 3 {
            failing(&pool, "kill");
        }
    }
    assert_eq!(open_descriptors(), before);
    assert_eq!(
        waitpid(None, None),
        Err(Errno::ECHILD),
        "no child and no zombie"
    );
}

pub fn above_the_guard(method: StartMethod) {
    let status = Command::new(env::current_exe().expect("exe"))
        .args([ABOVE_THE_GUARD, &method.to_string()])
        .status()
        .expect("spawn");
    assert!(status.success(), "{status}");
}

pub fn threads(method: StartMethod) {
    // The drivers of a first pool are threads too.
    let first = pool(method, 1);
    let second = Pool::builder(method).workers(1).start();
    match (method, second) {
        (StartMethod::Fork, Err(Error::Threads { threads: 2, .. })) => {}
        (StartMethod::Spawn | StartMethod::ForkServer, Ok(_)) => {}
        (_, other) => panic!("{other:?}"),
    }
    drop(first);
    // Joined threads do not count, even where the system still lists them.
    for _ in 0..20 {
        thread::spawn(|| {}).join().expect("joins");
        pool(method, 1).map(double, [1]).expect("maps");
    }
}

/// How often this process has forked by fork(3), which runs such handlers; posix_spawn(3)
/// runs none.
static FORKS: AtomicUsize = AtomicUsize::new(0);

extern "C" fn count_fork() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

pub fn fork_handlers(method: StartMethod) {
    // SAFETY: the handler adds to a number.
    let failed = unsafe { nix::libc::pthread_atfork(Some(count_fork), None, None) };
    assert_eq!(failed, 0);
    pool(method, 3).map(double, [1]).expect("maps");
    let forks = if method == StartMethod::Fork { 3 } else { 0 };
    assert_eq!(FORKS.load(Ordering::Relaxed), forks);
}

/// The children of a process, whichever of its threads started them, by their process ids;
/// none where it is gone.
pub fn children(process: &str) -> String {
    let threads = fs::read_dir(format!("/proc/{process}/task"));
    threads
        .into_iter()
        .flatten()
        .filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("children")).ok())
        .collect()
}

/// Starts this program again as a parent that is killed, in the state that
/// `prepare` brings its pool to, and looks for the workers that it named.
pub fn parent_killed(method: StartMethod, prepare: fn(StartMethod) -> Pool) {
    if env::var_os("DOOMED").is_some() {
        let pool = prepare(method);
        let mut pids = children("self");
        if method == StartMethod::ForkServer {
            // The only child is the server; the workers are its own.
            let of_server = children(pids.trim());
            pids += &of_server;
        }
        println!("{pids}");
        std::io::stdout().flush().expect("flush");
        raise(Signal::SIGKILL).expect("raise");
        drop(pool);
    }
    let arguments: Vec<String> = env::args().skip(1).collect();
    set_child_subreaper(true).expect("prctl");
    let mut doomed = Command::new(env::current_exe().expect("exe"))
        .args(arguments)
        .env("DOOMED", "1")
        .stdout(Stdio::piped())
        .spawn()
        .expect("spawn");
    let mut line = String::new();
    BufReader::new(doomed.stdout.take().expect("piped"))
        .read_line(&mut line)
        .expect("read");
    doomed.wait().expect("wait");
    let workers: Vec<i32> = line
        .split_whitespace()
        .map(|pid| pid.parse().expect("pid"))
        .collect();
    let server = usize::from(method == StartMethod::ForkServer);
    assert_eq!(workers.len(), 3 + server, "{line:?}");
    // They are orphans now, and this process adopts them.
    let left = RefCell::new(BTreeSet::from_iter(workers));
    let all_ended = gone_within_a_second(|| {
        let mut left = left.borrow_mut();
        left.retain(|&pid| {
            let pid = Pid::from_raw(pid);
            match waitpid(pid, Some(WaitPidFlag::WNOHANG)) {
                Ok(status) => status == WaitStatus::StillAlive,
                // Not adopted yet, or reaped by its server.
                Err(_) => kill(pid, None).is_ok(),
            }
        });
        left.is_empty()
    });
    if !all_ended {
        for pid in left.borrow().iter() {
            let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
        }
    }
    assert!(all_ended, "a worker outlived its parent");
}

pub fn parent_killed_while_idle(method: StartMethod) {
    parent_killed(method, |method| {
        Pool::builder(method)
            .workers(3)
            .initializer(outlive_parent_if_it_can)
            .start()
            .expect("starts")
    });
}

pub fn parent_killed_while_busy(method: StartMethod) {
    parent_killed(method, |method| {
        let pool = pool(method, 3);
        for _ in 0..3 {
            drop(
                pool.submit(wait_for_file, "/nonexistent".to_string())
                    .expect("submits"),
            );
        }
        // A worker that has begun has read its request: its socket is empty.
        pool
    });
}

/// This program again, in the same scenario, with `variable` set.
pub fn again(variable: &str) -> Command {
    let mut command = Command::new(env::current_exe().expect("exe"));
    command.args(env::args().skip(1)).env(variable, "1");
    command
}

pub fn printed_above_the_guard(method: StartMethod) {
    if env::var_os(PRINT_ABOVE_THE_GUARD).is_some() {
        pool(method, 3).map(double, 0..3).expect("maps");
        return;
    }
    let output = again(PRINT_ABOVE_THE_GUARD).output().expect("runs");
    let printed = String::from_utf8_lossy(&output.stdout);
    let processes = match method {
        StartMethod::Fork => 1,
        // The parent and the server.
        StartMethod::ForkServer => 2,
        // The parent and each worker.
        StartMethod::Spawn => 4,
    };
    assert_eq!(printed, "<above>".repeat(processes));
}

pub fn thread_above_the_guard(method: StartMethod) {
    if env::var_os(THREAD_ABOVE_THE_GUARD).is_none() {
        let output = again(THREAD_ABOVE_THE_GUARD).output().expect("runs");
        let printed = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{printed}");
        return;
    }
    let started = Pool::builder(method).workers(1).start();
    let refusal = match (method, started) {
        (StartMethod::Spawn, Ok(pool)) => {
            assert_eq!(pool.map(double, [1]).expect("maps"), [2]);
            return;
        }
        (_, Err(error @ Error::Threads { threads: 2, .. })) => error.to_string(),
        (_, other) => panic!("{other:?}"),
    };
    let (named, not_named) = match method {
        StartMethod::ForkServer => ("the fork server has 2", "this process"),
        _ => ("this process has 2", "the fork server"),
    };
    assert!(
        refusal.contains(named) && !refusal.contains(not_named),
        "{refusal}"
    );
}

pub fn shared_server(method: StartMethod) {
    let first = pool(method, 2);
    let second = pool(method, 1);
    let servers = [&first, &second].map(|pool| pool.map(parents_pid, 0..4).expect("maps"));
    let servers: BTreeSet<i32> = servers.into_iter().flatten().collect();
    assert_eq!(servers.len(), 1);
    let server = Pid::from_raw(*servers.first().expect("one"));
    drop(first);
    assert_eq!(second.map(double, [1]).expect("the server goes on"), [2]);
    assert_eq!(
        second.map(parents_pid, [0]).expect("maps"),
        [server.as_raw()]
    );
    drop(second);
    assert_eq!(kill(server, None), Err(Errno::ESRCH));
}

pub fn server_killed(method: StartMethod) {
    // The worker becomes an orphan, and the process that adopts it has to reap it.
    set_child_subreaper(true).expect("prctl");
    let doomed = pool(method, 1);
    let server = Pid::from_raw(doomed.map(parents_pid, [0]).expect("maps")[0]);
    let lines = folder().join("lines");
    File::create(&lines).expect("create");
    let argument = (lines.display().to_string(), "/nonexistent".to_string());
    let waiting = doomed.submit(append_then_wait, argument).expect("submits");
    // It would wait for another worker where it had not begun.
    while fs::read_to_string(&lines).expect("read").is_empty() {
        thread::sleep(Duration::from_millis(1));
    }
    kill(server, Signal::SIGKILL).expect("kill");
    let lost = waiting.wait().expect_err("lost").to_string();
    assert!(
        lost.contains("fork server") && !lost.contains("SIGCHLD"),
        "{lost}"
    );
    // The dead server is kept by the first pool; the second is not given it.
    assert_eq!(pool(method, 1).map(double, [1]).expect("maps"), [2]);
    drop(doomed);
    while waitpid(None, None).is_ok() {}
    fs::remove_dir_all(folder()).expect("clean");
}

pub fn server_interrupted(method: StartMethod) {
    // Whoever started this test in the background may have it ignored.
    // SAFETY: no handler is installed.
    unsafe { signal(Signal::SIGINT, SigHandler::SigDfl) }.expect("signal");
    let pool = pool(method, 1);
    let server = Pid::from_raw(pool.map(parents_pid, [0]).expect("maps")[0]);
    kill(server, Signal::SIGINT).expect("kill");
    assert_eq!(pool.map(parents_pid, [0]).expect("maps"), [server.as_raw()]);
    // A worker obeys it again, as its parent would have.
    match failing(&pool, "interrupt") {
        Error::WorkerLost { ending, .. } => {
            let signal = Signal::SIGINT as i32;
            assert_eq!(ending, Ending::Killed { signal });
        }
        other => panic!("{other}"),
    }
}
