//! Private pages, seed 7, level 2.
//!
//! Say what each process prints: what it reads, how many page faults its writes to
//! private pages take, and how many of those pages no other process has.

use std::fs;
use std::num::NonZeroUsize;
use std::os::unix::fs::FileExt;
use std::process::exit;

use nix::Result;
use nix::errno::Errno;
use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap_anonymous};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{Signal, kill, raise};
use nix::sys::wait::{WaitPidFlag, wait, waitpid};
use nix::unistd::{Pid, SysconfVar, fork, sysconf, write};

fn main() -> Result<()> {
    let mut me = 0;
    let a = Pages::map('a', 3, MapFlags::MAP_PRIVATE)?;
    let s = Pages::map('s', 1, MapFlags::MAP_SHARED)?;
    a.write(me, 0, 34);
    a.write(me, 1, 41);
    a.write(me, 2, 19);
    s.write(me, 0, 48);
    if child()? {
        me = 1;
        a.read(me, 1);
        a.write(me, 1, 61);
        a.write(me, 2, 77);
        a.own(me);
        pause()?;
        s.write(me, 0, 54);
        exit(0);
    }
    let paused = until_paused()?;
    a.own(me);
    s.read(me, 0);
    a.write(me, 2, 15);
    a.own(me);
    go_on(paused)?;
    wait_for_one();
    a.read(me, 2);
    a.own(me);
    Ok(())
}

/// Forks: true in the child.
fn child() -> Result<bool> {
    // SAFETY: this program has one thread, so its child may do all that it may (fork(2)).
    Ok(unsafe { fork()? }.is_child())
}

/// Waits until a child has ended, whichever it is, and for nothing where there is none.
fn wait_for_one() {
    let _ = wait();
}

/// Stops this process, until another one lets it go on.
fn pause() -> Result<()> {
    raise(Signal::SIGSTOP)
}

/// Waits until a child has stopped: its process id.
fn until_paused() -> Result<Pid> {
    let status = waitpid(None, Some(WaitPidFlag::WUNTRACED))?;
    status.pid().ok_or(Errno::ECHILD)
}

/// Lets a process go on that has stopped.
fn go_on(paused: Pid) -> Result<()> {
    kill(paused, Signal::SIGCONT)
}

/// Prints a line in one write.
fn say(me: usize, what: &str) {
    let _ = write(std::io::stdout(), format!("P{me} {what}\n").as_bytes());
}

/// Pages of new memory, private or shared.
struct Pages {
    name: char,
    start: *mut u8,
    count: usize,
    is_private: bool,
}

impl Pages {
    fn map(name: char, count: usize, sharing: MapFlags) -> Result<Self> {
        let bytes = NonZeroUsize::new(count * page()).ok_or(Errno::EINVAL)?;
        let both = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: the system chooses the addresses, and nothing else is there.
        let start = unsafe { mmap_anonymous(None, bytes, both, sharing)? };
        // SAFETY: the mapping is this one. A huge page would be copied in one piece.
        let _ = unsafe { madvise(start, bytes.get(), MmapAdvise::MADV_NOHUGEPAGE) };
        Ok(Self {
            name,
            start: start.as_ptr().cast(),
            count,
            is_private: sharing.contains(MapFlags::MAP_PRIVATE),
        })
    }

    /// The first byte of a page.
    fn byte(&self, number: usize) -> *mut u8 {
        assert!(number < self.count);
        // SAFETY: the page is one of the mapping's.
        unsafe { self.start.add(number * page()) }
    }

    /// Writes to a page, and says how many page faults that took where it is private.
    fn write(&self, me: usize, number: usize, value: u8) {
        let mut elsewhere = 0;
        let mut took = 0;
        // The first round takes the faults that are not about the page.
        for to in [&raw mut elsewhere, self.byte(number)] {
            let before = faults();
            // SAFETY: the byte is there, and other processes read and write it as one byte.
            unsafe { to.write_volatile(value) };
            took = faults() - before;
        }
        let name = self.name;
        if self.is_private {
            say(me, &format!("{name}[{number}] = {value} (faults: {took})"));
        } else {
            say(me, &format!("{name}[{number}] = {value}"));
        }
    }

    /// Says what is on a page.
    fn read(&self, me: usize, number: usize) {
        // SAFETY: as for a write.
        let value = unsafe { self.byte(number).read_volatile() };
        say(me, &format!("reads {}[{number}]: {value}", self.name));
    }

    /// Says how many of the pages no other process maps (bit 56, proc_pid_pagemap(5)).
    fn own(&self, me: usize) {
        let mut own = 0;
        if let Ok(pagemap) = fs::File::open("/proc/self/pagemap") {
            for number in 0..self.count {
                let mut entry = [0; 8];
                let at = self.byte(number).addr() / page() * 8;
                let _ = pagemap.read_exact_at(&mut entry, at as u64);
                own += u64::from_ne_bytes(entry) >> 56 & 1;
            }
        }
        say(
            me,
            &format!("has {own} of {} pages of {} alone", self.count, self.name),
        );
    }
}

/// Bytes of a page.
fn page() -> usize {
    sysconf(SysconfVar::PAGE_SIZE)
        .ok()
        .flatten()
        .unwrap_or(4096) as usize
}

/// The minor page faults of this process so far.
fn faults() -> i64 {
    getrusage(UsageWho::RUSAGE_SELF).map_or(0, |usage| usage.minor_page_faults())
}
