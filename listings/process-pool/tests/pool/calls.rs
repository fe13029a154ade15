//! Calls, their arguments and their results.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::{fs, process, thread};

use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use process_pool::{Descriptor, Error, Pool, Slice, StartMethod};

use crate::tasks::{
    Meeting, STARTS, append_line, append_with_words, asks_for_huge_pages, bytes_of_length, double,
    initialized, name_and_pid, never_registered, note_start, panic_at_start, read_descriptor,
    read_standard_input, reverse, sum_words, wait_for_file,
};
use crate::{folder, pool};

pub fn order(method: StartMethod) {
    let pool = pool(method, 3);
    let doubled = pool.map(double, 0..500).expect("maps");
    assert!(doubled.iter().copied().eq((0..500).map(|x| 2 * x)));
    assert!(pool.map(double, []).expect("maps nothing").is_empty());
}

pub fn next_call(method: StartMethod) {
    let pool = pool(method, 2);
    let folder = folder();
    let flag = folder.join("go").display().to_string();
    let held = pool.submit(wait_for_file, flag.clone()).expect("submits");
    // The other worker does all of these while the first is held.
    pool.map(double, 0..100).expect("maps");
    File::create(&flag).expect("create");
    held.wait().expect("the held call is done");
    fs::remove_dir_all(folder).expect("clean");
}

/// Has each of `workers` workers called once, with a meeting for its argument.
pub fn call_each<R>(workers: usize, map: impl FnOnce(Vec<Meeting>) -> R) -> R {
    let folder = folder();
    let meeting = (folder.display().to_string(), workers);
    let result = map(vec![meeting; workers]);
    fs::remove_dir_all(folder).expect("clean");
    result
}

pub fn names(method: StartMethod) {
    let pool = pool(method, 3);
    let seen = call_each(3, |calls| pool.map(name_and_pid, calls)).expect("maps");
    let seen: BTreeMap<String, u32> = seen.into_iter().collect();
    let kind = match method {
        StartMethod::Fork => "Fork",
        StartMethod::Spawn => "Spawn",
        StartMethod::ForkServer => "ForkServer",
    };
    let expected: Vec<String> = (1..=3).map(|n| format!("{kind}Process-{n}")).collect();
    assert!(seen.keys().eq(expected.iter()), "{seen:?}");
    let pids: BTreeSet<u32> = seen.values().copied().chain([process::id()]).collect();
    assert_eq!(pids.len(), 4);
}

pub fn initializer_runs(method: StartMethod) {
    let pool = Pool::builder(method)
        .workers(2)
        .initializer(note_start)
        .start()
        .expect("starts");
    // Twice, so that a worker is also seen at a call that is not its first.
    for _ in 0..2 {
        let seen = call_each(2, |calls| pool.map(initialized, calls)).expect("maps");
        let seen: BTreeMap<u32, u32> = seen.into_iter().collect();
        assert_eq!(seen.into_values().collect::<Vec<_>>(), [1, 1]);
    }
    assert_eq!(STARTS.load(Ordering::Relaxed), 0, "not in the parent");
}

pub fn initializer_panics(method: StartMethod) {
    let error = Pool::builder(method)
        .workers(2)
        .initializer(panic_at_start)
        .start()
        .expect_err("cannot start");
    let text = error.to_string();
    assert!(
        text.contains("Process-") && text.contains("not today"),
        "{text}"
    );
}

pub fn both_full(method: StartMethod) {
    let pool = pool(method, 4);
    let words = Slice::from((0..(32u64 << 20) / 8).collect::<Vec<_>>());
    let reversed = pool
        .map(reverse, (0..8).map(|_| words.clone()))
        .expect("maps");
    for slice in reversed {
        assert!(slice.iter().rev().eq(words.iter()));
    }
}

pub fn serial_sends(method: StartMethod) {
    let pool = Pool::builder(method)
        .workers(3)
        .serial_sends()
        .start()
        .expect("starts");
    let words = Slice::from((0..1_000_000u64).collect::<Vec<_>>());
    let sums = pool
        .map(
            sum_words,
            (0..9).map(|i| (words.part(0..i), words.part(i..words.len()))),
        )
        .expect("maps");
    assert_eq!(sums, [words.iter().sum(); 9]);
}

pub fn serial_sends_wait(method: StartMethod) {
    // One worker is stopped and reads nothing. The other one serves the two calls that are
    // left, unless sends wait for each other: then at most the one that came before.
    for (serial, served) in [(false, 2..=2), (true, 0..=1)] {
        let builder = Pool::builder(method).workers(2);
        let builder = if serial {
            builder.serial_sends()
        } else {
            builder
        };
        let pool = builder.start().expect("starts");
        let workers = call_each(2, |calls| pool.map(name_and_pid, calls)).expect("maps");
        let stopped = Pid::from_raw(workers[0].1.cast_signed());
        kill(stopped, Signal::SIGSTOP).expect("kill");
        let folder = folder();
        let path = folder.join("lines");
        File::create(&path).expect("create");
        let words = Slice::from(vec![1; 1 << 20]);
        let submitted: Vec<_> = (0..3)
            .map(|_| {
                let argument = (path.display().to_string(), words.clone());
                pool.submit(append_with_words, argument).expect("submits")
            })
            .collect();
        let lines = || fs::read_to_string(&path).expect("read").lines().count();
        if serial {
            // Longer than the other case takes.
            thread::sleep(Duration::from_millis(500));
        } else {
            while lines() < *served.start() {
                thread::sleep(Duration::from_millis(1));
            }
        }
        assert!(
            served.contains(&lines()),
            "serial {serial}: {} calls",
            lines()
        );
        kill(stopped, Signal::SIGCONT).expect("kill");
        for call in submitted {
            assert_eq!(call.wait().expect("is served"), 1 << 20);
        }
        fs::remove_dir_all(folder).expect("clean");
    }
}

pub fn huge_pages(method: StartMethod) {
    if !Path::new("/sys/kernel/mm/transparent_hugepage").exists() {
        return;
    }
    let pool = pool(method, 1);
    let words = Slice::from(vec![1u64; 2 << 20]);
    let asked = |words| pool.map(asks_for_huge_pages, [words]).expect("maps");
    assert_eq!(asked(words.clone()), [true]);
    assert_eq!(asked(words.part(0..1 << 15)), [false]);
}

pub fn large_result(method: StartMethod) {
    let pool = pool(method, 1);
    match pool.map(bytes_of_length, [vec![0]]) {
        Err(Error::BadReply { call: 1, why, .. }) => {
            assert!(why.contains("expected at most"), "{why}")
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(pool.map(double, [4]).expect("the worker lives on"), [8]);
}

pub fn large_argument(method: StartMethod) {
    let pool = pool(method, 1);
    match pool.map(bytes_of_length, [vec![0; 65 << 20]]) {
        Err(Error::Unsendable { call: 1, why, .. }) => {
            assert!(why.contains("expected at most"), "{why}")
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(pool.map(double, [4]).expect("the worker lives on"), [8]);
}

pub fn slices(method: StartMethod) {
    let pool = pool(method, 2);
    let words = Slice::from((0..100_001u64).collect::<Vec<_>>());
    let cuts = [0, 1, 2, 50_000, 100_001];
    let sums = pool
        .map(
            sum_words,
            cuts.map(|cut| (words.part(0..cut), words.part(cut..words.len()))),
        )
        .expect("maps");
    assert_eq!(sums, [100_000 * 100_001 / 2; 5]);
}

pub fn descriptors(method: StartMethod) {
    // The pool is older than the memory: nothing of it is inherited.
    let pool = pool(method, 2);
    let memory = memfd_create(c"text", MFdFlags::MFD_CLOEXEC).expect("memfd");
    let mut file = File::from(memory.try_clone().expect("dup"));
    file.write_all(b"shared").expect("write");
    let memory = Descriptor::from(memory);
    let read = pool.map(read_descriptor, [memory]).expect("maps");
    assert_eq!(read, ["shared"]);
}

pub fn standard_input(method: StartMethod) {
    assert_eq!(
        pool(method, 2)
            .map(read_standard_input, 0..4)
            .expect("maps"),
        [0; 4]
    );
}

pub fn drop_waits(method: StartMethod) {
    let folder = folder();
    let path = folder.join("lines");
    File::create(&path).expect("create");
    let pool = pool(method, 2);
    let submitted: Vec<_> = (0..20)
        .map(|_| {
            pool.submit(append_line, path.display().to_string())
                .expect("submits")
        })
        .collect();
    drop(pool);
    assert_eq!(
        fs::read_to_string(&path).expect("read"),
        "line\n".repeat(20)
    );
    for task in submitted {
        task.wait().expect("its result outlives the pool");
    }
    fs::remove_dir_all(folder).expect("clean");
}

pub fn unregistered(method: StartMethod) {
    let error = pool(method, 1)
        .map(never_registered, [1])
        .expect_err("refused");
    assert!(matches!(error, Error::NotRegistered { .. }));
    assert!(
        error.to_string().contains("tasks::never_registered"),
        "{error}"
    );
}

pub fn no_workers(method: StartMethod) {
    let error = Pool::builder(method)
        .workers(0)
        .start()
        .expect_err("refused");
    assert!(matches!(error, Error::NoWorkers));
}

pub fn buffered_output(method: StartMethod) {
    let folder = folder();
    let path = folder.join("out");
    // Standard output as a file is still line-buffered by std: a partial line waits.
    let file = File::create(&path).expect("create");
    let kept = std::io::stdout().as_fd().try_clone_to_owned().expect("dup");
    nix::unistd::dup2_stdout(&file).expect("dup2");
    print!("once");
    pool(method, 3).map(double, 0..3).expect("maps");
    std::io::stdout().flush().expect("flush");
    nix::unistd::dup2_stdout(&kept).expect("dup2");
    assert!(kept.as_raw_fd() > 2);
    assert_eq!(fs::read_to_string(&path).expect("read"), "once");
    fs::remove_dir_all(folder).expect("clean");
}
