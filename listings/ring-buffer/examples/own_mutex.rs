//! A solution: a mutex between processes that asks the kernel only where somebody waits.

use std::fs;
use std::io;
use std::process::ExitCode;
use std::sync::atomic::{
    AtomicU32, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};
use std::thread;
use std::time::Duration;

use clap::Parser;
use nix::unistd::Pid;
use ring_buffer::child::Child;
use ring_buffer::futex::{self, Waited};
use ring_buffer::shared::{Shareable, Shared};

/// Has processes count under a lock, and wait for it
#[derive(Parser)]
struct Arguments {}

/// What lies in the shared memory.
#[repr(C)]
struct Counter {
    lock: Lock,
    count: AtomicU64,
}

// SAFETY: all of it is atomics, of which any bytes are a value; there is no address in it.
unsafe impl Shareable for Counter {}

// ANCHOR: solution
/// One of the three below.
struct Lock(AtomicU32);

const FREE: u32 = 0;
const TAKEN: u32 = 1;
/// Taken, and somebody may sleep until it is free.
const AWAITED: u32 = 2;

/// Longer than anybody has the lock.
const PATIENCE: Duration = Duration::from_secs(5);

impl Lock {
    fn lock(&self) -> io::Result<()> {
        let taken = self.0.compare_exchange(FREE, TAKEN, Acquire, Relaxed);
        if taken.is_ok() {
            return Ok(());
        }
        // One that has slept cannot know whether it was the only one.
        while self.0.swap(AWAITED, Acquire) != FREE {
            if futex::wait(&self.0, AWAITED, PATIENCE)? == Waited::TimedOut {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
        Ok(())
    }

    fn unlock(&self) -> io::Result<()> {
        if self.0.swap(FREE, Release) == AWAITED {
            futex::wake(&self.0)?;
        }
        Ok(())
    }
}
// ANCHOR_END: solution

fn main() -> ExitCode {
    command_line::run(|_: Arguments| {
        let counter = Shared::<Counter>::map(&Shared::<Counter>::memory()?)?;
        count(&counter)?;
        without_others(&counter.lock)?;
        with_three_others(&counter.lock)
    })
}

/// Four processes count. No step of theirs is atomic but those of the lock.
fn count(counter: &Counter) -> io::Result<()> {
    let children: Vec<Child<0>> = (0..4)
        .map(|_| {
            Child::fork(|| {
                for _ in 0..1000 {
                    counter.lock.lock()?;
                    let count = counter.count.load(Relaxed);
                    thread::yield_now();
                    counter.count.store(count + 1, Relaxed);
                    counter.lock.unlock()?;
                }
                Ok([])
            })
        })
        .collect::<io::Result<_>>()?;
    for child in children {
        child.report()?;
    }
    let count = counter.count.load(Relaxed);
    println!("four processes have counted to 1000 each: {count}");
    Ok(())
}

fn without_others(lock: &Lock) -> io::Result<()> {
    let before = futex::calls();
    for _ in 0..1000 {
        lock.lock()?;
        lock.unlock()?;
    }
    let calls = futex::calls() - before;
    println!("a free lock, taken 1000 times: {calls} calls of futex(2)");
    Ok(())
}

fn with_three_others(lock: &Lock) -> io::Result<()> {
    lock.lock()?;
    let children: Vec<Child<0>> = (0..3)
        .map(|_| {
            Child::fork(|| {
                lock.lock()?;
                lock.unlock()?;
                Ok([])
            })
        })
        .collect::<io::Result<_>>()?;
    let mut asleep = 0;
    for child in &children {
        asleep += usize::from(falls_asleep(child.pid())?);
    }
    println!("while it is held, {asleep} of 3 that want it sleep");
    lock.unlock()?;
    let mut had = 0;
    for child in children {
        had += usize::from(child.join()?.is_ok());
    }
    println!("then {had} of 3 have had it");
    Ok(())
}

/// Whether a process sleeps before long, ten looks in a row (proc_pid_stat(5)).
fn falls_asleep(pid: Pid) -> io::Result<bool> {
    let mut asleep = 0;
    for _ in 0..1000 {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let sleeps = stat
            .rsplit_once(") ")
            .is_some_and(|(_, rest)| rest.starts_with('S'));
        asleep = if sleeps { asleep + 1 } else { 0 };
        if asleep == 10 {
            return Ok(true);
        }
        thread::sleep(Duration::from_millis(2));
    }
    Ok(false)
}
