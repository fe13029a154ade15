//! What is left of a process of several threads in its forked child.

use std::error::Error;
use std::fs;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;

use clap::{Parser, ValueEnum};
use forking_with_threads::watchdog::in_forked_child;
use mem_trace::trace;
use nix::unistd::{Pid, getpid, getppid};
use process_pool::{Pool, StartMethod, Tasks};
use rayon::iter::{IntoParallelIterator, ParallelIterator};

// ANCHOR: lock
/// A lock like the one inside an allocator, a logger or standard output.
static LOCK: Mutex<()> = Mutex::new(());

/// Forks while another thread holds the lock; the child wants it.
fn lock_held_by_another() -> Result<(), Box<dyn Error>> {
    let (held, is_held) = mpsc::channel();
    let (let_go, may_let_go) = mpsc::channel::<()>();
    let holder = thread::spawn(move || {
        let _guard = LOCK.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = held.send(());
        // Until the parent says so. In the child nobody is here to let go.
        let _ = may_let_go.recv();
    });
    is_held.recv()?;
    // SAFETY: the child does nothing at all.
    let end = unsafe { in_forked_child(|| ()) }?;
    trace!("A child that wants nothing {end}");
    let wants_the_lock = || drop(LOCK.lock().unwrap_or_else(PoisonError::into_inner));
    // SAFETY: the condition is broken on purpose: a lock is not async-signal-safe. The
    // child touches nothing that its parent could see, and the watchdog ends it.
    let end = unsafe { in_forked_child(wants_the_lock) }?;
    drop(let_go);
    let _ = holder.join();
    trace!("The child that wants the lock {end}");
    trace!(
        "In the parent the lock is free: {}",
        LOCK.try_lock().is_ok()
    );
    Ok(())
}
// ANCHOR_END: lock

// ANCHOR: rayon
/// Forks after rayon has started its threads; the child sums in parallel.
fn rayon_after_a_fork() -> Result<(), Box<dyn Error>> {
    let sum = || (1..=1_000_000u64).into_par_iter().sum::<u64>();
    trace!("The parent's sum is {}", sum());
    let sums_again = || {
        std::hint::black_box(sum());
    };
    // SAFETY: broken on purpose, as above: the sum waits for threads that are not there.
    let end = unsafe { in_forked_child(sums_again) }?;
    trace!("The child that sums in parallel {end}");
    Ok(())
}
// ANCHOR_END: rayon

// ANCHOR: pool
/// The task.
fn double(x: u64) -> u64 {
    let parent = threads(getppid());
    trace!("Doubles {x}; threads of its parent: {parent}");
    2 * x
}

/// How many threads a process has.
fn threads(process: Pid) -> usize {
    let tasks = fs::read_dir(format!("/proc/{process}/task"));
    tasks.map_or(0, Iterator::count)
}

/// A pool beside a thread that goes on meanwhile.
fn pool_beside_a_thread(method: StartMethod) -> Result<(), Box<dyn Error>> {
    let (stop, stopped) = mpsc::channel::<()>();
    let other = thread::spawn(move || stopped.recv());
    trace!(
        "Starts a pool in a process of {} threads",
        threads(getpid())
    );
    let answer = Pool::builder(method)
        .workers(2)
        .start()
        .and_then(|pool| pool.map(double, [20, 21]));
    drop(stop);
    let _ = other.join();
    trace!("The workers by {method} answered {:?}", answer?);
    Ok(())
}
// ANCHOR_END: pool

fn main() -> ExitCode {
    Tasks::new().add(double).serve_if_worker();
    command_line::run(|arguments: Arguments| match arguments.run {
        Run::Lock => lock_held_by_another(),
        Run::Rayon => rayon_after_a_fork(),
        Run::Pool => pool_beside_a_thread(arguments.method),
    })
}

/// Forks a process that has threads, and watches what becomes of the child
#[derive(Parser)]
struct Arguments {
    /// What the child does, or that it is a pool's worker
    #[arg(value_enum, default_value = "lock")]
    run: Run,

    /// How a pool's workers come to be: fork, spawn or fork-server
    #[arg(long, default_value = "fork-server")]
    method: StartMethod,
}

#[derive(Clone, Copy, ValueEnum)]
enum Run {
    /// The child wants a lock that another thread held
    Lock,
    /// The child computes with rayon, whose threads its parent had started
    Rayon,
    /// A pool is started beside another thread
    Pool,
}
