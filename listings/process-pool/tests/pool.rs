//! What a pool promises, each promise for each start method.
//!
//! A scenario runs as a process of its own (this program again), in a process
//! group of its own and under a deadline; when it ends, nothing of its group may
//! be left.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{env, process, thread};

use libtest_mimic::{Arguments, Failed, Trial};
use nix::errno::Errno;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::prctl::{set_child_subreaper, set_pdeathsig};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigHandler, Signal, kill, killpg, raise, signal};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, getpid};
use process_pool::{Descriptor, Ending, Error, Pool, Slice, StartMethod, Tasks};

/// A scenario that takes longer hangs.
const DEADLINE: Duration = Duration::from_secs(60);

const SCENARIO: &str = "--scenario";

/// In place of a scenario's name: starts a pool before the tasks are registered.
const ABOVE_THE_GUARD: &str = "--above-the-guard";

/// Variables that have this program do something before its tasks are registered.
const PRINT_ABOVE_THE_GUARD: &str = "PRINT_ABOVE_THE_GUARD";
const THREAD_ABOVE_THE_GUARD: &str = "THREAD_ABOVE_THE_GUARD";

type Scenario = fn(StartMethod);

const SCENARIOS: &[(&str, Scenario)] = &[
    ("results_come_in_the_order_of_the_arguments", order),
    ("a_free_worker_takes_the_next_batch", next_batch),
    ("each_worker_is_a_process_of_its_own_and_named", names),
    ("the_initializer_runs_once_in_each_worker", initializer_runs),
    (
        "an_initializer_that_panics_fails_the_start",
        initializer_panics,
    ),
    (
        "a_panic_names_worker_and_batch_and_the_worker_lives_on",
        panics,
    ),
    ("an_exit_without_a_reply_tells_the_code", exits),
    ("a_killed_worker_is_named_with_its_batch_and_signal", killed),
    ("an_abort_is_told_from_a_panic", aborts),
    ("work_goes_on_with_the_workers_that_are_left", goes_on),
    (
        "with_the_last_worker_lost_every_waiting_batch_is_told",
        last_worker,
    ),
    ("a_worker_that_sends_garbage_is_killed_and_named", garbage),
    ("a_worker_that_hangs_up_and_goes_on_is_killed", hangs_up),
    (
        "descriptors_that_do_not_fit_are_closed_and_told",
        too_many_descriptors,
    ),
    (
        "large_messages_in_both_directions_do_not_deadlock",
        both_full,
    ),
    ("serial_sends_give_the_same_results", serial_sends),
    (
        "a_result_beyond_the_bound_is_refused_and_the_worker_lives_on",
        large_result,
    ),
    (
        "an_argument_beyond_the_bound_is_refused_and_the_worker_lives_on",
        large_argument,
    ),
    ("slices_arrive_whole_and_aligned", slices),
    (
        "a_descriptor_opens_the_same_memory_in_the_worker",
        descriptors,
    ),
    ("a_task_finds_nothing_on_its_standard_input", standard_input),
    ("a_worker_holds_no_socket_but_its_own", sockets),
    (
        "dropping_the_pool_leaves_no_child_and_no_descriptor",
        nothing_left,
    ),
    (
        "work_that_was_submitted_is_done_before_the_pool_is_gone",
        drop_waits,
    ),
    ("an_unregistered_function_is_refused_by_name", unregistered),
    ("a_pool_above_the_guard_is_refused", above_the_guard),
    ("a_pool_without_workers_is_refused", no_workers),
    ("fork_is_refused_beside_another_thread", threads),
    ("a_pool_works_where_sigchld_is_ignored", sigchld_ignored),
    (
        "end_of_file_ends_the_workers_of_a_killed_parent",
        parent_killed_while_idle,
    ),
    (
        "a_busy_worker_ends_with_its_parent",
        parent_killed_while_busy,
    ),
    ("what_a_buffer_held_is_printed_once", buffered_output),
    (
        "what_is_printed_above_the_guard_appears_once_for_each_process_that_ran_it",
        printed_above_the_guard,
    ),
    (
        "a_process_with_a_thread_above_the_guard_does_not_fork",
        thread_above_the_guard,
    ),
    (
        "a_panic_in_another_thread_of_a_task_is_printed",
        panic_in_another_thread,
    ),
    (
        "a_lost_worker_is_told_while_its_own_child_holds_the_socket",
        lost_beside_a_grandchild,
    ),
    (
        "a_request_to_a_dead_worker_whose_child_holds_the_socket_fails",
        sent_beside_a_grandchild,
    ),
    (
        "dropping_the_pool_does_not_wait_for_a_workers_child",
        dropped_beside_a_grandchild,
    ),
    (
        "a_worker_does_not_unwind_into_its_parents_code",
        no_unwinding_into_the_parent,
    ),
];

/// What only the fork server promises.
const OF_THE_SERVER: &[(&str, Scenario)] = &[
    (
        "two_pools_share_one_server_that_ends_with_the_last",
        shared_server,
    ),
    (
        "with_a_killed_server_its_batch_is_told_and_the_next_pool_has_a_new_one",
        server_killed,
    ),
    (
        "an_interrupt_of_the_group_is_not_the_servers_to_obey",
        server_interrupted,
    ),
];

fn main() -> ExitCode {
    if env::args().any(|argument| argument == ABOVE_THE_GUARD) {
        let method = env::args()
            .next_back()
            .expect("a method")
            .parse()
            .expect("a start method");
        let error = Pool::builder(method)
            .workers(1)
            .start()
            .expect_err("refused");
        assert!(matches!(error, Error::NotRegisteredYet), "{error}");
        return ExitCode::SUCCESS;
    }
    if env::var_os(PRINT_ABOVE_THE_GUARD).is_some() {
        print!("<above>");
    }
    if env::var_os(THREAD_ABOVE_THE_GUARD).is_some() {
        thread::spawn(|| {
            loop {
                thread::park();
            }
        });
    }
    Tasks::new()
        .add(double)
        .add(name_and_pid)
        .add(initialized)
        .add(fail)
        .add(wait_for_file)
        .add(reverse)
        .add(sum_words)
        .add(bytes_of_length)
        .add(read_descriptor)
        .add(open_many)
        .add(parents_pid)
        .add(read_standard_input)
        .add(count_sockets)
        .add(append_line)
        .add(panic_in_a_thread)
        .add(panic_with_a_bomb)
        .add(leave_a_child)
        .add_initializer(note_start)
        .add_initializer(panic_at_start)
        .add_initializer(outlive_parent_if_it_can)
        .serve_if_worker();

    let arguments: Vec<String> = env::args().collect();
    if let [_, flag, name, method] = &arguments[..]
        && flag == SCENARIO
    {
        let (_, scenario) = SCENARIOS
            .iter()
            .chain(OF_THE_SERVER)
            .find(|(n, _)| n == name)
            .expect("a scenario");
        scenario(method.parse().expect("a start method"));
        return ExitCode::SUCCESS;
    }

    let of_all = SCENARIOS
        .iter()
        .flat_map(|&(name, _)| StartMethod::ALL.map(|method| (name, method)));
    let of_the_server = OF_THE_SERVER
        .iter()
        .map(|&(name, _)| (name, StartMethod::ForkServer));
    let trials = of_all
        .chain(of_the_server)
        .map(|(name, method)| {
            Trial::test(format!("{method}::{name}"), move || {
                run_scenario(name, method)
            })
        })
        .collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// Runs one scenario as a process; its failure is what it printed.
fn run_scenario(name: &str, method: StartMethod) -> Result<(), Failed> {
    let mut child = Command::new(env::current_exe()?)
        .args([SCENARIO, name, &method.to_string()])
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let group = Pid::from_raw(child.id().cast_signed());
    let mut out = child.stdout.take().ok_or("no stdout")?;
    let mut err = child.stderr.take().ok_or("no stderr")?;
    let printed = thread::spawn(move || {
        let mut text = String::new();
        let _ = err.read_to_string(&mut text);
        let _ = out.read_to_string(&mut text);
        text
    });
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if started.elapsed() > DEADLINE {
            killpg(group, Signal::SIGKILL)?;
            child.wait()?;
            return Err(format!("hangs:\n{}", printed.join().unwrap_or_default()).into());
        }
        thread::sleep(Duration::from_millis(2));
    };
    if !gone_within_a_second(|| killpg(group, None) == Err(Errno::ESRCH)) {
        killpg(group, Signal::SIGKILL)?;
        return Err("a process was left behind".into());
    }
    if !status.success() {
        return Err(format!("{status}:\n{}", printed.join().unwrap_or_default()).into());
    }
    Ok(())
}

fn gone_within_a_second(gone: impl Fn() -> bool) -> bool {
    let started = Instant::now();
    while !gone() {
        if started.elapsed() > Duration::from_secs(1) {
            return false;
        }
        thread::sleep(Duration::from_millis(2));
    }
    true
}

fn pool(method: StartMethod, workers: usize) -> Pool {
    Pool::builder(method)
        .workers(workers)
        .start()
        .expect("the pool starts")
}

/// A folder of this scenario's own.
fn folder() -> std::path::PathBuf {
    let folder = env::temp_dir().join(format!("process-pool-{}", getpid()));
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

// The tasks.

fn double(x: u64) -> u64 {
    2 * x
}

/// A file for each of the workers that have come to one place.
type Meeting = (String, usize);

/// Waits until as many different workers as are expected have come: none of them can
/// take a second call before each of the others has taken one.
fn meet((folder, expected): Meeting) {
    File::create(Path::new(&folder).join(mem_trace::name())).expect("create");
    let present = || fs::read_dir(&folder).expect("a folder").count();
    while present() < expected {
        thread::sleep(Duration::from_millis(1));
    }
}

fn name_and_pid(meeting: Meeting) -> (String, u32) {
    meet(meeting);
    (mem_trace::name(), process::id())
}

static STARTS: AtomicU32 = AtomicU32::new(0);

fn note_start() {
    STARTS.fetch_add(1, Ordering::Relaxed);
}

fn panic_at_start() {
    panic!("not today");
}

/// Leaves end-of-file as the only way to learn of the parent's death.
fn outlive_parent_if_it_can() {
    set_pdeathsig(None).expect("prctl");
}

fn initialized(meeting: Meeting) -> (u32, u32) {
    meet(meeting);
    (process::id(), STARTS.load(Ordering::Relaxed))
}

fn fail(how: String) -> u64 {
    match how.as_str() {
        "panic" => panic!("bad\nbatch"),
        "exit 0" => process::exit(0),
        "exit 3" => process::exit(3),
        "kill" => raise(Signal::SIGKILL).expect("raise"),
        "abort" => process::abort(),
        "interrupt" => raise(Signal::SIGINT).expect("raise"),
        "garbage" => {
            let socket = own_sockets().into_iter().next().expect("the channel");
            // SAFETY: the descriptor is open for as long as this process serves.
            let socket = unsafe { BorrowedFd::borrow_raw(socket) };
            nix::unistd::write(socket, &[0xff; 4096]).expect("write");
        }
        "hang up" => {
            for socket in own_sockets() {
                nix::unistd::close(socket).expect("close");
            }
            loop {
                thread::sleep(Duration::from_secs(60));
            }
        }
        "fine" => {}
        other => panic!("no such failure: {other}"),
    }
    1
}

/// Waits until `path` exists.
fn wait_for_file(path: String) -> String {
    while !Path::new(&path).exists() {
        thread::sleep(Duration::from_millis(1));
    }
    mem_trace::name()
}

fn reverse(words: Slice<u64>) -> Slice<u64> {
    Slice::from(words.iter().rev().copied().collect::<Vec<_>>())
}

fn sum_words((first, second): (Slice<u64>, Slice<u64>)) -> u64 {
    assert!(first.as_ptr().is_aligned() && second.as_ptr().is_aligned());
    first.iter().chain(&second[..]).sum()
}

fn bytes_of_length(bytes: Vec<u8>) -> Vec<u8> {
    vec![1; bytes.len().max(1) * if bytes.len() == 1 { 65 << 20 } else { 1 }]
}

fn read_descriptor(file: Descriptor) -> String {
    let mut text = String::new();
    let mut file = File::from(file.as_fd().try_clone_to_owned().expect("dup"));
    std::io::Seek::rewind(&mut file).expect("rewind");
    file.read_to_string(&mut text).expect("read");
    text
}

fn open_many(count: usize) -> Vec<Descriptor> {
    let open = |_| {
        Descriptor::from(std::os::fd::OwnedFd::from(
            File::open("/dev/null").expect("open"),
        ))
    };
    (0..count).map(open).collect()
}

fn parents_pid(_: u32) -> i32 {
    nix::unistd::getppid().as_raw()
}

fn read_standard_input(_: u32) -> usize {
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes).expect("read")
}

fn own_sockets() -> Vec<i32> {
    fs::read_dir("/proc/self/fd")
        .expect("proc")
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let target = fs::read_link(&path).ok()?;
            target.to_str()?.starts_with("socket:").then_some(())?;
            path.file_name()?.to_str()?.parse().ok()
        })
        .collect()
}

fn count_sockets(meeting: Meeting) -> usize {
    meet(meeting);
    own_sockets().len()
}

fn append_line(path: String) {
    let mut file = File::options().append(true).open(path).expect("open");
    file.write_all(b"line\n").expect("write");
}

fn panic_in_a_thread(_: u32) -> bool {
    let thread = thread::spawn(|| panic!("lost in a thread"));
    thread.join().is_err()
}

/// Panics once more when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a second panic");
    }
}

fn panic_with_a_bomb(_: u32) {
    std::panic::panic_any(Bomb);
}

/// Leaves a child, which has copies of all descriptors and ends when `flag` exists; then
/// fails as [`fail`] does.
fn leave_a_child((flag, how): (String, String)) -> u32 {
    // SAFETY: a worker has one thread.
    match unsafe { fork() }.expect("fork") {
        ForkResult::Child => {
            wait_for_file(flag);
            // SAFETY: `_exit` has no preconditions.
            unsafe { nix::libc::_exit(0) }
        }
        ForkResult::Parent { .. } => {
            fail(how);
            process::id()
        }
    }
}

fn never_registered(x: u64) -> u64 {
    x
}

// The scenarios.

fn order(method: StartMethod) {
    let pool = pool(method, 3);
    let doubled = pool.map(double, 0..500).expect("maps");
    assert!(doubled.iter().copied().eq((0..500).map(|x| 2 * x)));
    assert!(pool.map(double, []).expect("maps nothing").is_empty());
}

fn next_batch(method: StartMethod) {
    let pool = pool(method, 2);
    let folder = folder();
    let flag = folder.join("go").display().to_string();
    let held = pool.submit(wait_for_file, flag.clone()).expect("submits");
    // The other worker does all of these while the first is held.
    pool.map(double, 0..100).expect("maps");
    File::create(&flag).expect("create");
    held.wait().expect("the held batch is done");
    fs::remove_dir_all(folder).expect("clean");
}

/// Has each of `workers` workers called once, with a meeting for its argument.
fn call_each<R>(workers: usize, map: impl FnOnce(Vec<Meeting>) -> R) -> R {
    let folder = folder();
    let meeting = (folder.display().to_string(), workers);
    let result = map(vec![meeting; workers]);
    fs::remove_dir_all(folder).expect("clean");
    result
}

fn names(method: StartMethod) {
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

fn initializer_runs(method: StartMethod) {
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

fn initializer_panics(method: StartMethod) {
    let error = Pool::builder(method)
        .workers(2)
        .initializer(panic_at_start)
        .start()
        .expect_err("cannot start");
    let text = error.to_string();
    assert!(
        text.contains("Process-1") && text.contains("not today"),
        "{text}"
    );
}

/// The error of the one batch that fails, as (worker, batch).
fn failing(pool: &Pool, how: &str) -> Error {
    pool.submit(fail, how.to_string())
        .expect("submits")
        .wait()
        .expect_err("fails")
}

fn panics(method: StartMethod) {
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
            assert!(message.contains("pool.rs"), "{message}");
        }
        other => panic!("{other}"),
    }
    assert_eq!(pool.map(double, [4]).expect("the worker lives on"), [8]);
}

fn exits(method: StartMethod) {
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

fn killed(method: StartMethod) {
    let error = failing(&pool(method, 1), "kill");
    let text = error.to_string();
    assert!(
        text.contains("Process-1 was killed by SIGKILL during batch 1 of "),
        "{text}"
    );
}

fn aborts(method: StartMethod) {
    match failing(&pool(method, 1), "abort") {
        Error::WorkerLost { ending, .. } => {
            assert_eq!(
                ending,
                Ending::Killed {
                    signal: Signal::SIGABRT
                }
            );
        }
        other => panic!("{other}"),
    }
}

fn goes_on(method: StartMethod) {
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

fn last_worker(method: StartMethod) {
    let pool = pool(method, 1);
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

fn garbage(method: StartMethod) {
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

fn hangs_up(method: StartMethod) {
    match failing(&pool(method, 1), "hang up") {
        Error::WorkerLost { ending, .. } => {
            assert_eq!(
                ending,
                Ending::Killed {
                    signal: Signal::SIGKILL
                }
            );
        }
        other => panic!("{other}"),
    }
}

fn too_many_descriptors(method: StartMethod) {
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

fn both_full(method: StartMethod) {
    let pool = pool(method, 4);
    let words = Slice::from((0..(32u64 << 20) / 8).collect::<Vec<_>>());
    let reversed = pool
        .map(reverse, (0..8).map(|_| words.clone()))
        .expect("maps");
    for slice in reversed {
        assert!(slice.iter().rev().eq(words.iter()));
    }
}

fn serial_sends(method: StartMethod) {
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

fn large_result(method: StartMethod) {
    let pool = pool(method, 1);
    match pool.map(bytes_of_length, [vec![0]]) {
        Err(Error::BadReply { call: 1, why, .. }) => {
            assert!(why.contains("expected at most"), "{why}")
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(pool.map(double, [4]).expect("the worker lives on"), [8]);
}

fn large_argument(method: StartMethod) {
    let pool = pool(method, 1);
    match pool.map(bytes_of_length, [vec![0; 65 << 20]]) {
        Err(Error::Unsendable { call: 1, why, .. }) => {
            assert!(why.contains("expected at most"), "{why}")
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(pool.map(double, [4]).expect("the worker lives on"), [8]);
}

fn slices(method: StartMethod) {
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

fn descriptors(method: StartMethod) {
    // The pool is older than the memory: nothing of it is inherited.
    let pool = pool(method, 2);
    let memory = memfd_create(c"text", MFdFlags::MFD_CLOEXEC).expect("memfd");
    let mut file = File::from(memory.try_clone().expect("dup"));
    file.write_all(b"shared").expect("write");
    let memory = Descriptor::from(memory);
    let read = pool.map(read_descriptor, [memory]).expect("maps");
    assert_eq!(read, ["shared"]);
}

fn standard_input(method: StartMethod) {
    assert_eq!(
        pool(method, 2)
            .map(read_standard_input, 0..4)
            .expect("maps"),
        [0; 4]
    );
}

fn sockets(method: StartMethod) {
    let pool = pool(method, 4);
    let counts = call_each(4, |calls| pool.map(count_sockets, calls)).expect("maps");
    assert_eq!(counts, [1; 4]);
}

fn open_descriptors() -> usize {
    fs::read_dir("/proc/self/fd").expect("proc").count()
}

fn nothing_left(method: StartMethod) {
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

fn drop_waits(method: StartMethod) {
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

fn unregistered(method: StartMethod) {
    let error = pool(method, 1)
        .map(never_registered, [1])
        .expect_err("refused");
    assert!(matches!(error, Error::NotRegistered { .. }));
    assert!(
        error.to_string().contains("pool::never_registered"),
        "{error}"
    );
}

fn above_the_guard(method: StartMethod) {
    let status = Command::new(env::current_exe().expect("exe"))
        .args([ABOVE_THE_GUARD, &method.to_string()])
        .status()
        .expect("spawn");
    assert!(status.success(), "{status}");
}

fn no_workers(method: StartMethod) {
    let error = Pool::builder(method)
        .workers(0)
        .start()
        .expect_err("refused");
    assert!(matches!(error, Error::NoWorkers));
}

fn threads(method: StartMethod) {
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

fn sigchld_ignored(method: StartMethod) {
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

/// The children of a thread, by their process ids; of this process those that its main
/// thread started.
fn children(thread: &str) -> String {
    fs::read_to_string(format!("/proc/{thread}/children")).expect("a list of children")
}

/// Starts this program again as a parent that is killed, in the state that
/// `prepare` brings its pool to, and looks for the workers that it named.
fn parent_killed(method: StartMethod, prepare: fn(StartMethod) -> Pool) {
    if env::var_os("DOOMED").is_some() {
        let pool = prepare(method);
        let mut pids = children("thread-self");
        if method == StartMethod::ForkServer {
            // The only child is the server; the workers are its own.
            let of_server = children(&format!("{0}/task/{0}", pids.trim()));
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

fn parent_killed_while_idle(method: StartMethod) {
    parent_killed(method, |method| {
        Pool::builder(method)
            .workers(3)
            .initializer(outlive_parent_if_it_can)
            .start()
            .expect("starts")
    });
}

fn parent_killed_while_busy(method: StartMethod) {
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

fn buffered_output(method: StartMethod) {
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

/// This program again, in the same scenario, with `variable` set.
fn again(variable: &str) -> Command {
    let mut command = Command::new(env::current_exe().expect("exe"));
    command.args(env::args().skip(1)).env(variable, "1");
    command
}

fn printed_above_the_guard(method: StartMethod) {
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

fn thread_above_the_guard(method: StartMethod) {
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

fn panic_in_another_thread(method: StartMethod) {
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
fn beside_a_grandchild(look: impl FnOnce(String)) {
    let folder = folder();
    let flag = folder.join("end");
    look(flag.display().to_string());
    File::create(flag).expect("create");
    // The child sees the file before its folder goes: this process adopts it.
    while waitpid(None, None) != Err(Errno::ECHILD) {}
    fs::remove_dir_all(folder).expect("clean");
}

fn lost_beside_a_grandchild(method: StartMethod) {
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

fn sent_beside_a_grandchild(method: StartMethod) {
    set_child_subreaper(true).expect("prctl");
    beside_a_grandchild(|flag| {
        let pool = pool(method, 1);
        let fine = (flag, "fine".to_string());
        let worker = pool.map(leave_a_child, [fine]).expect("maps")[0];
        kill(Pid::from_raw(worker.cast_signed()), Signal::SIGKILL).expect("kill");
        // More than fits into the socket's buffer, which nobody empties.
        match pool.map(reverse, [Slice::from(vec![1u64; 4 << 20])]) {
            Err(Error::WorkerLost { ending, .. }) => {
                let signal = Signal::SIGKILL;
                assert_eq!(ending, Ending::Killed { signal });
            }
            other => panic!("{other:?}"),
        }
    });
}

fn dropped_beside_a_grandchild(method: StartMethod) {
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

fn no_unwinding_into_the_parent(method: StartMethod) {
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

fn shared_server(method: StartMethod) {
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

fn server_killed(method: StartMethod) {
    // The worker becomes an orphan, and the process that adopts it has to reap it.
    set_child_subreaper(true).expect("prctl");
    let doomed = pool(method, 1);
    let server = Pid::from_raw(doomed.map(parents_pid, [0]).expect("maps")[0]);
    let waiting = doomed
        .submit(wait_for_file, "/nonexistent".to_string())
        .expect("submits");
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
}

fn server_interrupted(method: StartMethod) {
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
            let signal = Signal::SIGINT;
            assert_eq!(ending, Ending::Killed { signal });
        }
        other => panic!("{other}"),
    }
}
