//! Values arrive as they were sent, and errors say how things were.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixDatagram;
use std::panic::{catch_unwind, resume_unwind};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::{env, fs, thread};

use nix::errno::Errno;
use nix::libc;
use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{Signal, kill, raise};
use nix::sys::wait::waitpid;
use nix::unistd::{Pid, close, dup2_stderr};
use process_pool::{Descriptor, Ending, Error, Event, Pool, Slice, StartMethod};
use serde::{Deserialize, Serialize};

use crate::calls::call_each;
use crate::pool;
use crate::tasks::{name_and_pid, outlive_parent_if_it_can, own_sockets, reverse};

/// Its encoding counts the variant that is skipped, its decoding does not.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Level {
    Low,
    #[serde(skip)]
    #[allow(dead_code)]
    Cached,
    High,
    Top,
}

/// Its encoding leaves a field out, its decoding does not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    limit: Option<u8>,
    retries: u8,
    batches: Vec<u8>,
}

impl Job {
    fn new(limit: Option<u8>, retries: u8, batches: &[u8]) -> Self {
        Self {
            limit,
            retries,
            batches: batches.to_vec(),
        }
    }
}

pub fn same_level(level: Level) -> Level {
    level
}

pub fn same_job(job: Job) -> Job {
    job
}

pub fn level_number(number: u8) -> Level {
    [Level::Low, Level::Cached, Level::High, Level::Top][usize::from(number)]
}

pub fn job_of((limit, retries, batches): (Option<u8>, u8, Vec<u8>)) -> Job {
    Job::new(limit, retries, &batches)
}

pub fn altered(method: StartMethod) {
    let pool = pool(method, 1);
    let survives = "expected a value that survives its encoding";
    let unsendable = |sent: Result<(), Error>, what: &str| match sent {
        Err(Error::Unsendable { why, .. }) => {
            assert!(why.starts_with(survives) && why.contains(what), "{why}");
        }
        other => panic!("{other:?}"),
    };
    let bad_reply = |replied: Result<(), Error>, what: &str| match replied {
        Err(Error::BadReply { why, .. }) => {
            assert!(why.starts_with(survives) && why.contains(what), "{why}");
        }
        other => panic!("{other:?}"),
    };
    let send = |level| pool.map(same_level, [level]).map(drop);
    unsendable(send(Level::High), "Level` would arrive as another");
    unsendable(send(Level::Top), "Level` cannot be decoded");
    let reply = |number| pool.map(level_number, [number]).map(drop);
    bad_reply(reply(2), "Level` would arrive as another");
    bad_reply(reply(3), "Level` cannot be decoded");

    // Each has the bytes of another job: of one more retry, of one with a limit.
    for (retries, batches) in [(0, &[][..]), (0, &[0]), (1, &[7, 0])] {
        let argument = Job::new(None, retries, batches);
        unsendable(pool.map(same_job, [argument]).map(drop), "Job` ");
        let parts = (None, retries, batches.to_vec());
        bad_reply(pool.map(job_of, [parts]).map(drop), "Job` ");
    }

    assert_eq!(
        pool.map(same_level, [Level::Low]).expect("arrives"),
        [Level::Low]
    );
    let whole = Job::new(Some(1), 2, &[3]);
    assert_eq!(
        pool.map(same_job, [whole.clone()]).expect("arrives"),
        [whole]
    );
}

/// What other formats have no place for.
type Mixture = (
    Option<Option<u8>>,
    Option<()>,
    u128,
    f64,
    HashMap<String, i64>,
    HashSet<char>,
);

pub fn same_mixture(mixture: Mixture) -> Mixture {
    mixture
}

pub fn same_slices(slices: HashMap<u64, Slice<u64>>) -> HashMap<u64, Slice<u64>> {
    slices
}

pub fn unaltered(method: StartMethod) {
    let pool = pool(method, 1);
    let sent: Mixture = (
        Some(None),
        Some(()),
        u128::MAX,
        f64::NAN,
        (0..100).map(|i| (format!("key {i}"), -i)).collect(),
        ('a'..='z').collect(),
    );
    let arrived = pool.map(same_mixture, [sent.clone()]).expect("arrives");
    let [(maybe, unit, wide, nan, map, set)] = &arrived[..] else {
        panic!("{arrived:?}")
    };
    assert_eq!((maybe, unit, wide), (&sent.0, &sent.1, &sent.2));
    assert_eq!(nan.to_bits(), sent.3.to_bits());
    assert_eq!((map, set), (&sent.4, &sent.5));

    let data = Slice::from((0..100).collect::<Vec<u64>>());
    let slices: HashMap<u64, _> = (0..100)
        .map(|i| (i, data.part(i as usize..i as usize + 1)))
        .collect();
    let arrived = pool.map(same_slices, [slices]).expect("arrives");
    assert_eq!(arrived[0].len(), 100);
    for (key, slice) in &arrived[0] {
        assert_eq!(slice[..], [*key]);
    }
}

pub fn pass_a_panic_on(how: String) {
    match how.as_str() {
        "a text" => resume_unwind(Box::new("its\ntext")),
        "a string" => resume_unwind(Box::new(format!("{how} of its own"))),
        "of a thread" => {
            let thread = thread::spawn(|| panic!("why the thread ended"));
            thread
                .join()
                .unwrap_or_else(|payload| resume_unwind(payload))
        }
        "another" => {
            let _ = catch_unwind(|| panic!("first, caught"));
            resume_unwind(Box::new("second, which ended the task"))
        }
        "another without words" => {
            let _ = catch_unwind(|| std::panic::panic_any(1u8));
            resume_unwind(Box::new(2u16))
        }
        "the same" => {
            let caught = catch_unwind(|| panic!("caught, and passed on"));
            resume_unwind(caught.expect_err("panics"))
        }
        other => panic!("no such way: {other}"),
    }
}

pub fn panics_passed_on(method: StartMethod) {
    let pool = pool(method, 1);
    for (how, words, has_place) in [
        ("a text", "its text", false),
        ("a string", "a string of its own", false),
        ("of a thread", "why the thread ended", false),
        ("another", "second, which ended the task", false),
        ("another without words", "a panic without a message", false),
        ("the same", "caught, and passed on", true),
    ] {
        match pool.map(pass_a_panic_on, [how.to_string()]) {
            Err(Error::Panicked { message, .. }) if has_place => {
                let place = message.strip_prefix(words).expect("its words");
                assert!(place.contains("arrives.rs:"), "{message}");
            }
            Err(Error::Panicked { message, .. }) => assert_eq!(message, words),
            other => panic!("{other:?}"),
        }
    }
}

pub fn raise_number(signal: i32) {
    // SAFETY: no handler is installed for it.
    unsafe { libc::raise(signal) };
}

pub fn real_time_signal(method: StartMethod) {
    let signal = libc::SIGRTMIN() + 6;
    match pool(method, 1).map(raise_number, [signal]) {
        Err(error @ Error::WorkerLost { .. }) => {
            let text = error.to_string();
            assert!(
                text.contains("Process-1 was killed by signal 40 during"),
                "{text}"
            );
        }
        other => panic!("{other:?}"),
    }
}

/// What standard input, output and error are, where they are open.
fn standard() -> [Option<String>; 3] {
    [0, 1, 2].map(|fd| {
        let path = fs::read_link(format!("/proc/self/fd/{fd}")).ok()?;
        Some(path.display().to_string())
    })
}

pub fn places_of_standard(_: ()) -> [Option<String>; 3] {
    standard()
}

/// Gives a descriptor back, with the number that it has here.
pub fn same_descriptor(descriptor: Descriptor) -> (i32, Descriptor) {
    (descriptor.as_raw_fd(), descriptor)
}

pub fn closed_descriptors(method: StartMethod) {
    let error = std::io::stderr().as_fd().try_clone_to_owned().expect("dup");
    for fd in 0..3 {
        close(fd).expect("was open");
    }
    let run = || -> Result<_, Error> {
        let pool = Pool::builder(method).workers(2).start()?;
        let of_worker = pool.map(places_of_standard, [(); 4])?;
        let sent = Descriptor::from(error.try_clone().expect("dup"));
        let (there, back) = pool.map(same_descriptor, [sent])?.remove(0);
        Ok((standard(), of_worker, there, back.as_raw_fd()))
    };
    let seen = run();
    dup2_stderr(&error).expect("dup2");
    let (here, of_worker, there, back) = seen.expect("the pool works");
    assert_eq!(here, [None, None, None]);
    let expected = match method {
        StartMethod::Fork => [None, None, None],
        // A program of its own, for which std opens what is closed.
        StartMethod::Spawn | StartMethod::ForkServer => {
            [0, 1, 2].map(|_| Some("/dev/null".to_string()))
        }
    };
    for places in of_worker {
        assert_eq!(places, expected);
    }
    assert!(there > 2 && back > 2, "{there} {back}");
}

/// The bytes that wait in a socket for the other end to read them (tcp(7), `SIOCOUTQ`).
fn waiting_in(socket: i32) -> i32 {
    let mut bytes = 0;
    // SAFETY: the request writes one number.
    let failed = unsafe { libc::ioctl(socket, libc::TIOCOUTQ, &mut bytes) };
    assert_eq!(failed, 0, "{}", Errno::last());
    bytes
}

pub fn parent_killed_within_a_request(method: StartMethod) {
    if env::var_os("DOOMED").is_some() {
        let pool = Pool::builder(method)
            .workers(1)
            .initializer(outlive_parent_if_it_can)
            .start()
            .expect("starts");
        let (_, worker) = call_each(1, |calls| pool.map(name_and_pid, calls)).expect("maps")[0];
        let stopped = Pid::from_raw(worker.cast_signed());
        kill(stopped, Signal::SIGSTOP).expect("kill");
        // More than the socket takes.
        let words = Slice::from(vec![1; 4 << 20]);
        let _sent = pool.submit(reverse, words).expect("submits");
        while own_sockets()
            .into_iter()
            .all(|socket| waiting_in(socket) == 0)
        {
            thread::yield_now();
        }
        println!("{worker}");
        std::io::stdout().flush().expect("flush");
        raise(Signal::SIGKILL).expect("raise");
    }
    set_child_subreaper(true).expect("prctl");
    let mut doomed = Command::new(env::current_exe().expect("exe"))
        .args(env::args().skip(1))
        .env("DOOMED", "1")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("spawn");
    let (stdout, stderr) = (doomed.stdout.take(), doomed.stderr.take());
    let mut line = String::new();
    BufReader::new(stdout.expect("piped"))
        .read_line(&mut line)
        .expect("read");
    doomed.wait().expect("wait");
    let worker = line.trim().parse().expect("a worker");
    kill(Pid::from_raw(worker), Signal::SIGCONT).expect("kill");
    let mut said = String::new();
    stderr
        .expect("piped")
        .read_to_string(&mut said)
        .expect("read");
    assert_eq!(said, "");
    while waitpid(None, None) != Err(Errno::ECHILD) {}
}

pub fn garbage_for_a_worker(method: StartMethod) {
    // Each write is a message of its own.
    let (written, messages) = UnixDatagram::pair().expect("pair");
    let written = OwnedFd::from(written);
    let error = std::io::stderr().as_fd().try_clone_to_owned().expect("dup");
    dup2_stderr(&written).expect("dup2");
    // A server that is there already, so that the sockets that come are a worker's.
    let server = (method == StartMethod::ForkServer).then(|| pool(method, 1));
    let before: HashSet<i32> = own_sockets().into_iter().collect();
    let (tell, told) = mpsc::channel();
    let hook = move |event: &Event| {
        if let Event::Lost { ending, .. } = event {
            tell.send(ending.clone()).expect("somebody listens");
        }
    };
    let pool = Pool::builder(method).workers(1).on_event(hook).start();
    let pool = pool.expect("starts");
    let garbage = [0xff; 16];
    for socket in own_sockets() {
        // SAFETY: the pool keeps its descriptors open.
        let socket = unsafe { BorrowedFd::borrow_raw(socket) };
        if !before.contains(&socket.as_raw_fd()) && socket.as_raw_fd() > 2 {
            let _ = nix::unistd::write(socket, &garbage);
        }
    }
    let ending = told.recv().expect("it is lost");
    drop((pool, server));
    dup2_stderr(&error).expect("dup2");
    assert_eq!(ending, Ending::Exited { code: 76 });
    messages.set_nonblocking(true).expect("fcntl");
    let mut message = [0; 1000];
    let length = messages.recv(&mut message).expect("a message");
    let said = String::from_utf8_lossy(&message[..length]).into_owned();
    assert!(
        said.contains("Process-1: no request came through: a frame began with"),
        "{said}"
    );
    assert!(said.ends_with("]\n"), "{said:?}");
    messages.recv(&mut message).expect_err("one message");
}
