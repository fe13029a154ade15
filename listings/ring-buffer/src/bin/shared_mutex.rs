//! A `Mutex` of the standard library in memory that two processes share, and one that is made
//! for that.

use std::cell::UnsafeCell;
use std::fs;
use std::io::{self, Read, Write};
use std::mem::MaybeUninit;
use std::process::ExitCode;
use std::sync::{Mutex, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use nix::sys::signal::{Signal, raise};
use nix::sys::wait::WaitStatus;
use nix::unistd::Pid;
use ring_buffer::child::Child;
use ring_buffer::robust::{Locked, RobustMutex};
use ring_buffer::shared::{Shareable, Shared};

/// How long a waiter may take to notice that the lock is free.
const PATIENCE: Duration = Duration::from_secs(1);

/// Has two processes lock one mutex in shared memory
#[derive(Parser)]
struct Arguments {
    /// Which mutex
    #[arg(value_enum)]
    mutex: Kind,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// That of Rust's standard library
    Std,
    /// That of POSIX, between processes and robust
    Posix,
}

fn main() -> ExitCode {
    command_line::run(|Arguments { mutex }| match mutex {
        Kind::Std => try_out(&*StdMutex::new()?),
        Kind::Posix => try_out(&RobustMutex::new()?),
    })
}

/// A lock as both kinds have it.
trait Lock {
    /// Takes it, waits for it if need be, and lets it go after `work`.
    fn with<T>(&self, work: impl FnOnce() -> io::Result<T>) -> io::Result<T>;
    /// What somebody gets who does not want to wait.
    fn now(&self) -> String;
}

fn try_out(lock: &impl Lock) -> io::Result<()> {
    Child::fork(|| lock.with(|| Ok([])))?.report()?;
    println!(
        "a child has had the lock; the parent now gets: {}",
        lock.now()
    );

    let (mut begins, mut tells) = io::pipe()?;
    // ANCHOR: waiter
    let waiter = lock.with(|| {
        let waiter = Child::fork(|| {
            tells.write_all(&[1])?;
            lock.with(|| Ok([]))
        })?;
        begins.read_exact(&mut [0])?;
        until_asleep(waiter.pid())?;
        println!("the parent has the lock, and a second child sleeps");
        Ok(waiter)
    })?;
    let ended = has_ended(waiter.pid(), PATIENCE)?;
    let state = if ended {
        "has had it"
    } else {
        "has not had it"
    };
    println!("the parent has let it go; within {PATIENCE:?} the child {state}");
    println!("the parent now gets: {}", lock.now());
    // ANCHOR_END: waiter
    drop(waiter);

    let owner = Child::<0>::fork(|| {
        lock.with(|| raise(Signal::SIGKILL).map_err(io::Error::from))?;
        Ok([])
    })?;
    if let Err(status) = owner.join()? {
        println!(
            "a third child has died while it had the lock: {}",
            ended_by(status)
        );
    }
    println!("the parent now gets: {}", lock.now());
    if !ended {
        let what = format!("the lock was free, and the child slept on for {PATIENCE:?}");
        return Err(io::Error::other(what));
    }
    Ok(())
}

fn ended_by(status: WaitStatus) -> String {
    match status {
        WaitStatus::Signaled(_, signal, _) => signal.to_string(),
        other => format!("{other:?}"),
    }
}

/// Waits until a process sleeps, ten looks in a row.
fn until_asleep(pid: Pid) -> io::Result<()> {
    let until = Instant::now() + Duration::from_secs(10);
    let mut asleep = 0;
    while asleep < 10 {
        if Instant::now() > until {
            return Err(io::Error::other("the child does not wait for the lock"));
        }
        asleep = if state(pid)? == 'S' { asleep + 1 } else { 0 };
        thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

/// Whether a process ends before the patience does. It is a zombie then.
fn has_ended(pid: Pid, patience: Duration) -> io::Result<bool> {
    let until = Instant::now() + patience;
    while Instant::now() < until {
        if state(pid)? == 'Z' {
            return Ok(true);
        }
        thread::sleep(Duration::from_millis(2));
    }
    Ok(false)
}

/// `R` runs, `S` sleeps, `Z` has ended (proc_pid_stat(5)).
fn state(pid: Pid) -> io::Result<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let state = stat
        .rsplit_once(") ")
        .and_then(|(_, rest)| rest.chars().next());
    state.ok_or_else(|| io::Error::other(format!("/proc/{pid}/stat: no state")))
}

/// The standard library's, where it is not meant to be.
struct StdMutex(UnsafeCell<MaybeUninit<Mutex<()>>>);

// SAFETY: what the library has in a mutex is behind `UnsafeCell` (on Linux, in the Rust of this
// book, it is two atomics), and any bytes are a `MaybeUninit`. Nothing promises that it means the
// same in another process: that is what the program tries out.
unsafe impl Shareable for StdMutex {}

impl StdMutex {
    fn new() -> io::Result<Shared<Self>> {
        let mutex = Shared::<Self>::map(&Shared::<Self>::memory()?)?;
        // SAFETY: no other process has the memory yet.
        unsafe { mutex.0.get().write(MaybeUninit::new(Mutex::new(()))) };
        Ok(mutex)
    }

    fn mutex(&self) -> &Mutex<()> {
        // SAFETY: `new` wrote it, and nobody moves it.
        unsafe { (*self.0.get()).assume_init_ref() }
    }
}

impl Lock for StdMutex {
    fn with<T>(&self, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let _guard = self
            .mutex()
            .lock()
            .map_err(|_| io::Error::other("poisoned"))?;
        work()
    }

    fn now(&self) -> String {
        match self.mutex().try_lock() {
            Ok(_) => "the lock".to_string(),
            Err(TryLockError::WouldBlock) => "`WouldBlock`".to_string(),
            Err(TryLockError::Poisoned(_)) => "`Poisoned`".to_string(),
        }
    }
}

impl Lock for RobustMutex {
    fn with<T>(&self, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        self.lock()?;
        let done = work();
        self.unlock()?;
        done
    }

    fn now(&self) -> String {
        match self.try_lock() {
            Ok(Locked::Clean) => {
                let unlocked = self.unlock();
                unlocked.map_or_else(|error| error.to_string(), |()| "the lock".to_string())
            }
            Ok(Locked::OwnerDied) => "the lock, and `EOWNERDEAD`".to_string(),
            Ok(Locked::Busy) => "`EBUSY`".to_string(),
            Err(error) => error.to_string(),
        }
    }
}
