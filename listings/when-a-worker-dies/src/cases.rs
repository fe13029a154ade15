//! The faults. Each case makes a pool, does harm to it, and says whether what came of that is
//! what it should be.

use std::error::Error;
use std::os::unix::process::ExitStatusExt;
use std::process::{self, ExitStatus};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigHandler, Signal, kill, raise, signal};
use nix::unistd::{Pid, getppid};
use process_pool::{Builder, Event, Pool, Slice, StartMethod, Tasks};

use crate::is_first;

type Outcome = Result<(), Box<dyn Error>>;

/// A fault and what is to come of it.
pub struct Case {
    /// The fault, and what the pool has against it.
    pub name: &'static str,
    /// What is to come of it.
    pub outcome: &'static str,
    run: fn(StartMethod) -> Outcome,
    /// Whether workers by this method can have it.
    pub applies: fn(StartMethod) -> bool,
}

/// Long enough for a good call on a busy machine.
const DEADLINE: Duration = Duration::from_secs(1);

const EXACT: &str = "the exact sum";
const NAMED: &str = "an error that names it";

fn any(_: StartMethod) -> bool {
    true
}

fn has_a_server(method: StartMethod) -> bool {
    method == StartMethod::ForkServer
}

const fn case(name: &'static str, outcome: &'static str, run: fn(StartMethod) -> Outcome) -> Case {
    Case {
        name,
        outcome,
        run,
        applies: any,
    }
}

/// Each of them.
pub const CASES: &[Case] = &[
    case("none", EXACT, |method| exact(&started(pool(method))?)),
    case("SIGKILL to an idle worker", EXACT, killed_while_idle),
    case("SIGKILL to a busy worker, a retry", EXACT, |method| {
        one_is_killed(pool(method).retries(1))
    }),
    case("SIGKILL to a busy worker, no retry", NAMED, |method| {
        named(
            one_is_killed(pool(method)),
            "was killed by SIGKILL during batch 3 of ",
        )
    }),
    case(
        "SIGKILL in the middle of a request, a retry",
        EXACT,
        killed_in_a_request,
    ),
    case(
        "SIGSTOP to a busy worker, a deadline, a retry",
        EXACT,
        |method| stopped(pool(method).retries(1)),
    ),
    case(
        "SIGSTOP to a busy worker, a deadline, no retry",
        NAMED,
        |method| named(stopped(pool(method)), "was killed at its deadline of 1 s"),
    ),
    case("a call without end, a deadline", NAMED, |method| {
        let pool = pool(method).deadline(DEADLINE);
        named(
            one_does(pool, "sleeps"),
            "was killed at its deadline of 1 s",
        )
    }),
    case(
        "a call that kills each worker, two retries",
        NAMED,
        |method| {
            let error = one_does(pool(method).retries(2), "kill");
            named(error, "; before it ")
        },
    ),
    case("a panic", NAMED, |method| {
        named(one_does(pool(method), "panic"), "panicked in batch 3 of ")
    }),
    case("an abort", NAMED, |method| {
        named(one_does(pool(method), "abort"), "was killed by SIGABRT")
    }),
    case("exit(0) without a reply", NAMED, |method| {
        named(one_does(pool(method), "exit 0"), "exited with code 0")
    }),
    case("exit(3) without a reply", NAMED, |method| {
        named(one_does(pool(method), "exit 3"), "exited with code 3")
    }),
    case("a stack that overflows", NAMED, |method| {
        named(one_does(pool(method), "stack"), "was killed by SIGABRT")
    }),
    case("a real-time signal", NAMED, |method| {
        named(one_does(pool(method), "real-time signal"), "was killed by")
    }),
    case("a reply that is none", NAMED, |method| {
        named(one_does(pool(method), "garbage"), "left the protocol")
    }),
    case("an initializer without end, a deadline", NAMED, |method| {
        let pool = pool(method).initializer(sleep).deadline(DEADLINE);
        named(started(pool).map(drop), "was killed at its deadline of 1 s")
    }),
    case("SIGKILL in the initializer, a retry", EXACT, |method| {
        let pool = pool(method).initializer(first_is_killed).retries(1);
        exact(&started(pool)?)
    }),
    case("SIGKILL in the initializer, no retry", NAMED, |method| {
        let pool = pool(method).initializer(first_is_killed);
        named(started(pool).map(drop), "it was killed by SIGKILL")
    }),
    case(
        "replacements that fail again and again",
        NAMED,
        never_replaced,
    ),
    case("no descriptors for another worker", NAMED, |method| {
        // Standard streams, and room for two or three workers.
        setrlimit(Resource::RLIMIT_NOFILE, 16, 16)?;
        named(
            started(pool(method).workers(20)).map(drop),
            "ulimit -n: at most 16 open files",
        )
    }),
    case(
        "SIGCHLD ignored, SIGKILL to a busy worker, a retry",
        EXACT,
        |method| {
            // SAFETY: no handler is installed.
            unsafe { signal(Signal::SIGCHLD, SigHandler::SigIgn) }?;
            one_is_killed(pool(method).retries(1))
        },
    ),
    case(PARENT_KILLED, "nothing is left", |method| {
        let pool = started(pool(method))?;
        for _ in 0..3 {
            drop(pool.submit(sleep_for, 60)?);
        }
        Ok(raise(Signal::SIGKILL)?)
    }),
    Case {
        applies: has_a_server,
        ..case(
            "SIGKILL to the fork server, three retries",
            EXACT,
            |method| {
                // Its workers end with it, but not all at one moment: a call may lose each.
                server_gets(Signal::SIGKILL, pool(method).retries(3))
            },
        )
    },
    Case {
        applies: has_a_server,
        ..case("SIGSTOP to the fork server, a deadline", EXACT, |method| {
            let pool = pool(method).deadline(DEADLINE);
            server_gets(Signal::SIGSTOP, pool)
        })
    },
];

/// The one whose process does not live to tell.
const PARENT_KILLED: &str = "SIGKILL to the parent of busy workers";

/// Runs one case in this process.
pub fn run(name: &str, method: StartMethod) -> Outcome {
    let case = CASES.iter().find(|case| case.name == name);
    let case = case.ok_or_else(|| format!("expected the name of a case, found `{name}`"))?;
    (case.run)(method)
}

/// Whether a case's process ends as it is to.
pub fn ends_well(name: &str, status: ExitStatus) -> bool {
    if name == PARENT_KILLED {
        status.signal() == Some(Signal::SIGKILL as i32)
    } else {
        status.success()
    }
}

// The tasks.

/// What the cases ask workers for.
pub fn tasks() -> Tasks {
    Tasks::new()
        .add(double)
        .add(ids)
        .add(fail)
        .add(fail_once)
        .add(sum)
        .add(sleep_for)
        .add_initializer(sleep)
        .add_initializer(only_the_first_three)
        .add_initializer(first_is_killed)
}

fn double(x: u64) -> u64 {
    2 * x
}

fn ids(_: ()) -> (i32, i32) {
    (process::id().cast_signed(), getppid().as_raw())
}

fn sum(numbers: Slice<u64>) -> u64 {
    numbers.iter().sum()
}

fn sleep_for(seconds: u64) {
    thread::sleep(Duration::from_secs(seconds));
}

fn sleep() {
    sleep_for(60);
}

/// The number of this worker in its pool.
fn number() -> Option<u32> {
    let name = mem_trace::name();
    name.rsplit('-').next()?.parse().ok()
}

fn only_the_first_three() {
    assert!(number().is_some_and(|number| number <= 3), "one too many");
}

fn first_is_killed() {
    if number() == Some(1) {
        let _ = raise(Signal::SIGKILL);
    }
}

fn fail(how: String) -> u64 {
    match how.as_str() {
        "kill" => raise(Signal::SIGKILL).map_or(1, |()| 0),
        "panic" => panic!("nothing to divide by"),
        "abort" => process::abort(),
        "exit 0" => process::exit(0),
        "exit 3" => process::exit(3),
        "stack" => overflow(0),
        // SAFETY: the call takes two integers.
        "real-time signal" => unsafe { nix::libc::kill(nix::libc::getpid(), 40) as u64 },
        "garbage" => garbage(),
        "sleeps" => {
            sleep();
            0
        }
        _ => 0,
    }
}

fn overflow(depth: u64) -> u64 {
    if std::hint::black_box(true) {
        overflow(depth + 1) + 1
    } else {
        depth
    }
}

/// Writes to each socket that this process has: one of them is the pool's.
fn garbage() -> u64 {
    for fd in 3..64 {
        // SAFETY: the bytes are a literal's; a number that is not open, or is no socket, is
        // refused.
        unsafe {
            nix::libc::send(
                fd,
                b"no reply at all.".as_ptr().cast(),
                16,
                nix::libc::MSG_NOSIGNAL,
            )
        };
    }
    0
}

fn fail_once((mark, x): (String, u64)) -> u64 {
    if is_first(mark.as_ref()) {
        let _ = raise(Signal::SIGKILL);
    }
    2 * x
}

// What is done to pools, and what is to come of it.

fn pool(method: StartMethod) -> Builder {
    Pool::builder(method).workers(3)
}

fn started(pool: Builder) -> Result<Pool, Box<dyn Error>> {
    Ok(pool.start()?)
}

fn exact(pool: &Pool) -> Outcome {
    let sum: u64 = pool.map(double, 0..40)?.iter().sum();
    same(sum, 2 * (0..40).sum::<u64>())
}

fn same(sum: u64, expected: u64) -> Outcome {
    match sum {
        sum if sum == expected => Ok(()),
        sum => Err(format!("expected the sum {expected}, found {sum}").into()),
    }
}

/// Whether it failed with an error that says `what`.
fn named(outcome: Outcome, what: &str) -> Outcome {
    match outcome {
        Err(error) if error.to_string().contains(what) => Ok(()),
        Err(error) => Err(format!("expected an error with `{what}`, found: {error}").into()),
        Ok(()) => Err(format!("expected an error with `{what}`, found none").into()),
    }
}

fn one_does(pool: Builder, how: &str) -> Outcome {
    let pool = started(pool)?;
    let calls = (0..6).map(|call| if call == 2 { how } else { "nothing" });
    let outcome = pool.map(fail, calls.map(str::to_owned));
    // Whatever came of that call, the pool goes on.
    exact(&pool)?;
    same(outcome?.iter().sum(), 0)
}

fn one_is_killed(pool: Builder) -> Outcome {
    let folder = tempfile::tempdir()?;
    let pool = started(pool)?;
    let mark = |call: u64| {
        // The other marks are in no folder, so that no process can be the first there.
        let name = if call == 2 { "mark" } else { "none/mark" };
        (folder.path().join(name).display().to_string(), call)
    };
    let doubled = pool.map(fail_once, (0..40).map(mark));
    exact(&pool)?;
    same(doubled?.iter().sum(), 2 * (0..40).sum::<u64>())
}

fn a_worker(pool: &Pool) -> Result<(Pid, Pid), Box<dyn Error>> {
    let (worker, parent) = pool.submit(ids, ())?.wait()?;
    Ok((Pid::from_raw(worker), Pid::from_raw(parent)))
}

fn killed_while_idle(method: StartMethod) -> Outcome {
    let (tell, told) = mpsc::channel();
    let pool = pool(method).on_event(move |event| {
        if matches!(event, Event::Replaced { .. }) {
            let _ = tell.send(());
        }
    });
    let pool = started(pool)?;
    kill(a_worker(&pool)?.0, Signal::SIGKILL)?;
    told.recv_timeout(Duration::from_secs(10))?;
    exact(&pool)
}

fn stopped(pool: Builder) -> Outcome {
    let pool = started(pool.workers(1).deadline(DEADLINE))?;
    kill(a_worker(&pool)?.0, Signal::SIGSTOP)?;
    let first = pool.submit(double, 1)?.wait();
    exact(&pool)?;
    same(first?, 2)
}

fn killed_in_a_request(method: StartMethod) -> Outcome {
    let pool = started(pool(method).workers(1).retries(1))?;
    let worker = a_worker(&pool)?.0;
    // It reads nothing of what is more than fits into the socket.
    kill(worker, Signal::SIGSTOP)?;
    let call = pool.submit(sum, Slice::from(vec![1u64; 4 << 20]))?;
    thread::sleep(Duration::from_millis(50));
    kill(worker, Signal::SIGKILL)?;
    same(call.wait()?, 4 << 20)
}

fn never_replaced(method: StartMethod) -> Outcome {
    let pool = started(pool(method).initializer(only_the_first_three))?;
    for _ in 0..3 {
        let lost = pool.submit(fail, "kill".to_owned())?.wait();
        named(lost.map(drop).map_err(Into::into), "was killed by SIGKILL")?;
    }
    let none = pool.map(double, [1]).map(drop);
    named(none.map_err(Into::into), "one too many")
}

fn server_gets(signal: Signal, pool: Builder) -> Outcome {
    let pool = started(pool)?;
    let (_, server) = a_worker(&pool)?;
    kill(server, signal)?;
    exact(&pool)?;
    // Where it is stopped, the worker that is lost now is replaced by another server's.
    let lost = pool.submit(fail, "kill".to_owned())?.wait();
    match lost {
        Ok(_) => Err("expected an error, found none".into()),
        Err(_) => exact(&pool),
    }
}
