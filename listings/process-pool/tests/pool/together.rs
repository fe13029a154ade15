//! Calls that travel together, and the threads that wait for them.

use std::fs::{self, File};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use process_pool::{Builder, Ending, Error, Event, Pool, StartMethod, Task, Unfinished};

use crate::arrives::{Level, level_number};
use crate::tasks::{append_line, append_then_wait, double, doze, fail, nap, wait_for_file};
use crate::{folder, pool};

/// Workers that are kept busy while calls are queued behind what they do, so that these then
/// come together.
struct Held<'a> {
    pool: &'a Pool,
    flag: PathBuf,
    held: Vec<Task<String>>,
}

impl<'a> Held<'a> {
    fn hold(pool: &'a Pool, workers: usize) -> Self {
        Self::until(pool, workers, "go")
    }

    /// The same until a file of this name is there.
    fn until(pool: &'a Pool, workers: usize, flag: &str) -> Self {
        let flag = folder().join(flag);
        let path = flag.display().to_string();
        let submit = |_| pool.submit(wait_for_file, path.clone()).expect("submits");
        let held = (0..workers).map(submit).collect();
        Self { pool, flag, held }
    }

    fn submit_doubles(&self, numbers: std::ops::Range<u64>) -> Vec<Task<u64>> {
        let submit = |number| self.pool.submit(double, number).expect("submits");
        numbers.map(submit).collect()
    }

    fn release(self) {
        File::create(&self.flag).expect("create");
        for held in self.held {
            held.wait().expect("a result");
        }
    }
}

fn all_doubled(tasks: Vec<Task<u64>>, from: u64) {
    for (number, task) in (from..).zip(tasks) {
        assert_eq!(task.wait().expect("a result"), 2 * number);
    }
}

fn builder(method: StartMethod, workers: usize) -> Builder {
    Pool::builder(method).workers(workers)
}

pub fn slow_call(method: StartMethod) {
    let pool = pool(method, 2);
    let held = Held::hold(&pool, 2);
    let slow = Held::until(&pool, 1, "end");
    let doubles = held.submit_doubles(0..400);
    held.release();
    // A quarter of them came with the slow one, and has to be done by the other worker.
    all_doubled(doubles, 0);
    slow.release();
    fs::remove_dir_all(folder()).expect("clean");
}

pub fn own_results(method: StartMethod) {
    let pool = pool(method, 1);
    for _ in 0..100 {
        // Few enough that they are done before anybody looks, and slow enough that all but
        // the last reply are there first.
        let numbers = pool.map(doze, 0..7).expect("maps");
        assert!(numbers.into_iter().eq(0..7));
    }
}

pub fn submit_returns(method: StartMethod) {
    let pool = pool(method, 2);
    let end = folder().join("end");
    for _ in 0..200 {
        // Calls that are taken back from one worker by the other leave a word behind.
        pool.map(doze, 0..12).expect("maps");
        Held::until(&pool, 2, "end").release();
        fs::remove_file(&end).expect("clean");
    }
    fs::remove_dir_all(folder()).expect("clean");
}

pub fn behind_results(method: StartMethod) {
    let pool = pool(method, 1);
    let held = Held::hold(&pool, 1);
    let before = held.submit_doubles(0..3);
    let slow = Held::until(&pool, 1, "end");
    let behind = held.submit_doubles(3..10);
    held.release();
    // Their replies are there, though the worker has gone on to the slow one.
    all_doubled(before, 0);
    slow.release();
    all_doubled(behind, 3);
    fs::remove_dir_all(folder()).expect("clean");
}

pub fn lost(method: StartMethod) {
    let pool = pool(method, 1);
    let held = Held::hold(&pool, 1);
    let before = held.submit_doubles(0..20);
    let lost = pool.submit(fail, "kill".to_owned()).expect("submits");
    let behind = held.submit_doubles(20..60);
    held.release();
    all_doubled(before, 0);
    match lost.wait() {
        Err(Error::WorkerLost { call: 22, .. }) => {}
        other => panic!("{other:?}"),
    }
    all_doubled(behind, 20);
    let statistics = pool.statistics();
    assert_eq!((statistics.calls, statistics.replacements), (62, 1));
    fs::remove_dir_all(folder()).expect("clean");
}

pub fn retried(method: StartMethod) {
    let pool = builder(method, 1).retries(2).start().expect("starts");
    let held = Held::hold(&pool, 1);
    let before = held.submit_doubles(0..20);
    let lost = pool.submit(fail, "kill".to_owned()).expect("submits");
    let behind = held.submit_doubles(20..60);
    held.release();
    all_doubled(before, 0);
    match lost.wait() {
        Err(Error::WorkerLost { earlier, .. }) => assert_eq!(earlier.len(), 2),
        other => panic!("{other:?}"),
    }
    all_doubled(behind, 20);
    let statistics = pool.statistics();
    assert_eq!((statistics.retries, statistics.replacements), (2, 3));
    fs::remove_dir_all(folder()).expect("clean");
}

pub fn cancelled(method: StartMethod) {
    let pool = pool(method, 1);
    let held = Held::hold(&pool, 1);
    let (lines, end) = (folder().join("lines"), folder().join("end"));
    File::create(&lines).expect("create");
    let [path, end_path] = [&lines, &end].map(|path| path.display().to_string());
    let running = pool
        .submit(append_then_wait, (path.clone(), end_path))
        .expect("submits");
    let append = |_| pool.submit(append_line, path.clone()).expect("submits");
    let mut behind: Vec<_> = (0..9).map(append).collect();
    held.release();
    let count = || fs::read_to_string(&lines).expect("read").lines().count();
    while count() == 0 {
        thread::sleep(Duration::from_millis(1));
    }
    // Five came with the one that runs.
    for _ in 0..3 {
        behind.remove(0).cancel();
    }
    File::create(end).expect("create");
    running.wait().expect("its worker lives on");
    for task in behind {
        task.wait().expect("a result");
    }
    assert_eq!(count(), 7);
    assert_eq!(pool.statistics().replacements, 0);
    fs::remove_dir_all(folder()).expect("clean");
}

pub fn deadlines(method: StartMethod) {
    let limit = Duration::from_millis(600);
    let pool = builder(method, 1).deadline(limit).start().expect("starts");
    let first = pool.submit(nap, 50).expect("submits");
    let naps: Vec<_> = (0..20)
        .map(|_| pool.submit(nap, 100).expect("submits"))
        .collect();
    first.wait().expect("in time");
    // Ten come together, and take longer than each of them may.
    for nap in naps {
        assert_eq!(nap.wait().expect("in time"), 100);
    }
    let late = pool.submit(nap, 60_000).expect("submits");
    assert!(matches!(late.wait(), Err(Error::WorkerLost { .. })));
}

pub fn shut_down(method: StartMethod) {
    let pool = pool(method, 1);
    let held = Held::hold(&pool, 1);
    let (lines, never) = (folder().join("lines"), folder().join("never"));
    File::create(&lines).expect("create");
    let [path, never] = [&lines, &never].map(|path| path.display().to_string());
    let running = pool
        .submit(append_then_wait, (path.clone(), never))
        .expect("submits");
    let behind: Vec<_> = (0..5)
        .map(|_| pool.submit(append_line, path.clone()).expect("submits"))
        .collect();
    held.release();
    while fs::read_to_string(&lines).expect("read").is_empty() {
        thread::sleep(Duration::from_millis(1));
    }
    let unfinished = pool.shutdown(Duration::from_millis(100));
    let begun: Vec<_> = unfinished
        .iter()
        .map(|Unfinished { call, worker, .. }| (*call, worker.is_some()))
        .collect();
    let expected = [2, 3, 4, 5, 6, 7].map(|call| (call, call == 2));
    assert_eq!(begun, expected);
    assert!(matches!(running.wait(), Err(Error::Cancelled { .. })));
    for task in behind {
        assert!(matches!(task.wait(), Err(Error::Cancelled { .. })));
    }
    assert_eq!(fs::read_to_string(&lines).expect("read"), "line\n");
    fs::remove_dir_all(folder()).expect("clean");
}

pub fn own_errors(method: StartMethod) {
    let pool = pool(method, 1);
    let held = Held::hold(&pool, 1);
    let numbers: Vec<_> = (0..30)
        .map(|number| {
            let panics = pool.submit(fail, "panic".to_owned()).expect("submits");
            let refused = pool.submit(level_number, 2).expect("submits");
            let fine = pool.submit(double, number).expect("submits");
            (panics, refused, fine)
        })
        .collect();
    held.release();
    for (number, (panics, refused, fine)) in (0..).zip(numbers) {
        let call = 2 + 3 * number;
        assert!(matches!(panics.wait(), Err(Error::Panicked { call: of, .. }) if of == call));
        let refused: Result<Level, Error> = refused.wait();
        assert!(matches!(refused, Err(Error::BadReply { call: of, .. }) if of == call + 1));
        assert_eq!(fine.wait().expect("a result"), 2 * number);
    }
    fs::remove_dir_all(folder()).expect("clean");
}

/// What is known of the thread of this process that has a worker's name.
pub fn of_the_workers_thread(name: &str) -> String {
    let threads = fs::read_dir("/proc/self/task").expect("proc");
    let of = |status: String| -> Option<String> {
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
        field("Name:")?.contains("Proce").then_some(())?;
        Some(field(name)?.trim().to_owned())
    };
    threads
        .filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("status")).ok())
        .find_map(of)
        .expect("the worker's thread")
}

/// How often it has slept.
fn sleeps() -> u64 {
    let times = of_the_workers_thread("voluntary_ctxt_switches:");
    times.parse().expect("a number")
}

pub fn no_other_thread(method: StartMethod) {
    let pool = pool(method, 1);
    let call = |number| pool.submit(double, number).expect("submits").wait();
    call(0).expect("a result");
    let before = sleeps();
    for number in 0..1000 {
        assert_eq!(call(number).expect("a result"), 2 * number);
    }
    // Where this thread loses its core between the two steps, the other one has the reply.
    let slept = sleeps() - before;
    assert!(slept < 500, "{slept}");
}

pub fn nobody_waits(method: StartMethod) {
    let (tell, told) = std::sync::mpsc::channel();
    let hook = move |event: &Event| tell.send(event.clone()).unwrap_or(());
    let pool = builder(method, 1).on_event(hook).start().expect("starts");
    for number in 0..100 {
        drop(pool.submit(double, number).expect("submits"));
        // As long as a reply takes, more or less.
        thread::sleep(Duration::from_micros(10 * (number % 10)));
        let next = pool.submit(double, number).expect("submits");
        assert_eq!(next.wait().expect("a result"), 2 * number);
    }
    // Nor is its worker's end left unseen.
    drop(pool.submit(fail, "kill".to_owned()).expect("submits"));
    let lost = |event: &Event| {
        matches!(
            event,
            Event::Lost {
                call: Some(201),
                ..
            }
        )
    };
    while !lost(&told.recv().expect("an event")) {}
    assert_eq!(pool.map(double, [1]).expect("maps"), [2]);
}

pub fn nobody_waits_too_long(method: StartMethod) {
    let (tell, told) = std::sync::mpsc::channel();
    let hook = move |event: &Event| tell.send(event.clone()).unwrap_or(());
    let pool = builder(method, 1).on_event(hook).start().expect("starts");
    let limit = Duration::from_millis(100);
    drop(pool.submit_within(nap, 60_000, limit).expect("submits"));
    let ending = Ending::Overdue { deadline: limit };
    let overdue = |event: &Event| matches!(event, Event::Lost { ending: of, .. } if *of == ending);
    while !overdue(&told.recv().expect("an event")) {}
}

pub fn many_threads(method: StartMethod) {
    let pool = pool(method, 2);
    thread::scope(|scope| {
        for number in 0..8 {
            let pool = &pool;
            scope.spawn(move || {
                for number in number * 1000..number * 1000 + 300 {
                    let waited = pool.submit(double, number).expect("submits");
                    let dropped = pool.submit(double, number).expect("submits");
                    assert_eq!(waited.wait().expect("a result"), 2 * number);
                    drop(dropped);
                    let mapped = pool.map(double, number..number + 5).expect("maps");
                    assert_eq!(mapped[4], 2 * number + 8);
                }
            });
        }
    });
}
