//! Every way in which a call or its worker can end.

use std::fs::File;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};
use std::{fs, process, thread};

use nix::errno::Errno;
use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{SigHandler, Signal, kill, signal};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use process_pool::{Ending, Error, Pool, Slice, StartMethod};

use crate::tasks::{double, fail, leave_a_child, panic_in_a_thread, panic_with_a_bomb, reverse};
use crate::{folder, pool};

/// The error of one call of a task that fails in this way.
pub fn failing(pool: &Pool, how: &str) -> Error {
    pool.submit(fail, how.to_string())
        .expect("submits")
        .wait()
        .expect_err("fails")
}

pub fn panics(method: StartMethod) {
    let pool = pool(method, 1);
    pool.map(double, 0..2).expect("maps");
    match failing(&pool, "panic") {
        Error::Panicked {
            worker,
            call: 3,
            message,
            ..
        } => {
            assert!(worker.ends_with("Process-1"), "{worker}");
            assert!(message.starts_with("bad batch ("), "{message}");
            assert!(message.contains("tasks.rs"), "{message}");
        }
        other => panic!("{other}"),
    }
    assert_eq!(pool.map(double, [4]).expect("the worker lives on"), [8]);
}

pub fn exits(method: StartMethod) {
    for code in [0, 3] {
        match failing(&pool(method, 1), &format!("exit {code}")) {
            Error::WorkerLost {
                worker,
                call: 1,
                ending,
                ..
            } => {
                assert!(worker.ends_with("Process-1"), "{worker}");
                assert_eq!(ending, Ending::Exited { code });
            }
            other => panic!("{other}"),
        }
    }
}

pub fn killed(method: StartMethod) {
    let error = failing(&pool(method, 1), "kill");
    let text = error.to_string();
    assert!(
        text.contains("Process-1 was killed by SIGKILL during batch 1 of "),
        "{text}"
    );
}

pub fn aborts(method: StartMethod) {
    match failing(&pool(method, 1), "abort") {
        Error::WorkerLost { ending, .. } => {
            assert_eq!(
                ending,
                Ending::Killed {
                    signal: Signal::SIGABRT as i32
                }
            );
        }
        other => panic!("{other}"),
    }
}

pub fn goes_on(method: StartMethod) {
    let pool = pool(method, 2);
    let lost = pool.submit(fail, "kill".to_string()).expect("submits");
    let rest: Vec<_> = (0..50)
        .map(|x| pool.submit(double, x).expect("submits"))
        .collect();
    assert!(matches!(
        lost.wait(),
        Err(Error::WorkerLost { call: 1, .. })
    ));
    for (x, task) in rest.into_iter().enumerate() {
        assert_eq!(task.wait().expect("the other worker does it"), 2 * x as u64);
    }
}

pub fn last_worker(method: StartMethod) {
    let pool = Pool::builder(method)
        .workers(1)
        .without_replacement()
        .start()
        .expect("starts");
    let lost = pool.submit(fail, "exit 0".to_string()).expect("submits");
    let waiting: Vec<_> = (0..5)
        .map(|x| pool.submit(double, x).expect("submits"))
        .collect();
    assert!(matches!(lost.wait(), Err(Error::WorkerLost { .. })));
    for (i, task) in waiting.into_iter().enumerate() {
        match task.wait() {
            Err(Error::NoWorkerLeft { call, .. }) => assert_eq!(call, i as u64 + 2),
            other => panic!("{other:?}"),
        }
    }
    assert!(matches!(
        pool.map(double, [1]),
        Err(Error::NoWorkerLeft { call: 7, .. })
    ));
}

pub fn garbage(method: StartMethod) {
    match failing(&pool(method, 1), "garbage") {
        Error::WorkerLost {
            ending: Ending::ProtocolViolation { why },
            ..
        } => {
            assert!(why.contains("ff, ff"), "{why}");
        }
        other => panic!("{other}"),
    }
}

pub fn hangs_up(method: StartMethod) {
    match failing(&pool(method, 1), "hang up") {
        Error::WorkerLost { ending, .. } => {
            assert_eq!(
                ending,
                Ending::Killed {
                    signal: Signal::SIGKILL as i32
                }
            );
        }
        other => panic!("{other}"),
    }
}

pub fn sigchld_ignored(method: StartMethod) {
    // SAFETY: no handler is installed.
    unsafe { signal(Signal::SIGCHLD, SigHandler::SigIgn) }.expect("signal");
    let pool = pool(method, 2);
    assert_eq!(pool.map(double, [1, 2]).expect("maps"), [2, 4]);
    let lost = failing(&pool, "exit 3").to_string();
    let expected = match method {
        // The server does not ignore its children, whatever its parent does.
        StartMethod::ForkServer => "exited with code 3",
        StartMethod::Fork | StartMethod::Spawn => "SIGCHLD",
    };
    assert!(lost.contains(expected), "{lost}");
}

pub fn panic_in_another_thread(method: StartMethod) {
    let folder = folder();
    let path = folder.join("err");
    let file = File::create(&path).expect("create");
    let kept = std::io::stderr().as_fd().try_clone_to_owned().expect("dup");
    nix::unistd::dup2_stderr(&file).expect("dup2");
    let pool = pool(method, 1);
    let panicked = pool.map(panic_in_a_thread, [0]);
    failing(&pool, "panic");
    drop(pool);
    nix::unistd::dup2_stderr(&kept).expect("dup2");
    assert_eq!(panicked.expect("maps"), [true]);
    let printed = fs::read_to_string(&path).expect("read");
    assert_eq!(printed.matches("lost in a thread").count(), 1, "{printed}");
    // The serving thread's own panic is the parent's to report.
    assert!(!printed.contains("bad"), "{printed}");
    fs::remove_dir_all(folder).expect("clean");
}

/// Runs `look` with the path of a file, for whose appearance a worker's child waits, then
/// makes the file.
pub fn beside_a_grandchild(look: impl FnOnce(String)) {
    let folder = folder();
    let flag = folder.join("end");
    look(flag.display().to_string());
    File::create(flag).expect("create");
    // The child sees the file before its folder goes: this process adopts it.
    while waitpid(None, None) != Err(Errno::ECHILD) {}
    fs::remove_dir_all(folder).expect("clean");
}

pub fn lost_beside_a_grandchild(method: StartMethod) {
    set_child_subreaper(true).expect("prctl");
    beside_a_grandchild(|flag| {
        let pool = pool(method, 1);
        match pool.map(leave_a_child, [(flag, "exit 3".to_string())]) {
            Err(Error::WorkerLost { ending, .. }) => {
                assert_eq!(ending, Ending::Exited { code: 3 });
            }
            other => panic!("{other:?}"),
        }
    });
}

pub fn sent_beside_a_grandchild(method: StartMethod) {
    set_child_subreaper(true).expect("prctl");
    beside_a_grandchild(|flag| {
        let pool = pool(method, 1);
        let fine = (flag, "fine".to_string());
        let worker = pool.map(leave_a_child, [fine]).expect("maps")[0];
        let worker = Pid::from_raw(worker.cast_signed());
        kill(worker, Signal::SIGSTOP).expect("kill");
        // More than fits into the socket's buffer, which nobody empties.
        let sent = pool
            .submit(reverse, Slice::from(vec![1u64; 4 << 20]))
            .expect("submits");
        thread::sleep(Duration::from_millis(100));
        kill(worker, Signal::SIGKILL).expect("kill");
        match sent.wait() {
            Err(Error::WorkerLost { ending, .. }) => {
                let signal = Signal::SIGKILL as i32;
                assert_eq!(ending, Ending::Killed { signal });
            }
            other => panic!("{other:?}"),
        }
    });
}

pub fn dropped_beside_a_grandchild(method: StartMethod) {
    set_child_subreaper(true).expect("prctl");
    beside_a_grandchild(|flag| {
        let pool = pool(method, 1);
        let fine = (flag, "fine".to_string());
        pool.map(leave_a_child, [fine]).expect("maps");
        let started = Instant::now();
        drop(pool);
        // A worker that does not end is killed after 5 s.
        assert!(started.elapsed() < Duration::from_secs(4));
    });
}

pub fn no_unwinding_into_the_parent(method: StartMethod) {
    /// Leaves a file where it is dropped in another process than the one that made it.
    struct OfThisProcess(u32, std::path::PathBuf);
    impl Drop for OfThisProcess {
        fn drop(&mut self) {
            if process::id() != self.0 {
                let _ = File::create(self.1.join("unwound"));
            }
        }
    }
    let folder = folder();
    let of_parent = OfThisProcess(process::id(), folder.clone());
    let pool = pool(method, 1);
    let lost = pool.map(panic_with_a_bomb, [0]).expect_err("lost");
    assert!(matches!(lost, Error::WorkerLost { .. }), "{lost}");
    drop(pool);
    assert!(!folder.join("unwound").exists());
    drop(of_parent);
    fs::remove_dir_all(folder).expect("clean");
}
