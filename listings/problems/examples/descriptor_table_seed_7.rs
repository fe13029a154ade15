//! Descriptor table, seed 7, level 2.
//!
//! Say what each process prints: which descriptors it has, by number, and what it reads.
//! The pipe is set not to block: a read that would wait for a writer says so.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::process::exit;

use nix::Result;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::{Signal, kill, raise};
use nix::sys::wait::{WaitPidFlag, wait, waitpid};
use nix::unistd::{Pid, Whence, close, dup, dup2, fork, lseek, pipe2, read, write};

fn main() -> Result<()> {
    close_all();
    let mut me = 0;
    let (r, w) = pipe2(OFlag::O_NONBLOCK)?;
    let a = letters()?;
    let mut b = dup(&a)?;
    read_from(me, "b", &b, 4);
    if child()? {
        me = 1;
        write(&w, b"hello")?;
        dup2(&w, &mut b)?;
        drop(w);
        read_from(me, "a", &a, 3);
        pause()?;
        has(me);
        exit(0);
    }
    drop(w);
    let paused = until_paused()?;
    read_from(me, "r", &r, 8);
    read_from(me, "r", &r, 8);
    go_on(paused)?;
    wait_for_one();
    read_from(me, "r", &r, 8);
    read_from(me, "b", &b, 2);
    has(me);
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

/// A file that holds the alphabet, in memory: it is read from its first byte.
fn letters() -> Result<OwnedFd> {
    let file = memfd_create(c"letters", MFdFlags::empty())?;
    write(&file, b"abcdefghijklmnopqrstuvwxyz")?;
    lseek(&file, 0, Whence::SeekSet)?;
    Ok(file)
}

/// Closes what this process was started with beyond 0, 1 and 2.
fn close_all() {
    for number in 3..100 {
        let _ = close(number);
    }
}

/// Reads as many bytes as there are, and `most` at most, and says which.
fn read_from(me: usize, name: &str, from: &OwnedFd, most: usize) {
    let mut bytes = [0; 26];
    let what = match read(from, &mut bytes[..most]) {
        Ok(0) => "end of file".to_string(),
        Ok(count) => bytes[..count].escape_ascii().to_string(),
        Err(Errno::EAGAIN) => "would block".to_string(),
        Err(error) => error.to_string(),
    };
    say(me, &format!("reads {name}: {what}"));
}

/// Says which descriptors this process has beyond 0, 1 and 2, and what they lead to.
fn has(me: usize) {
    let mut all = Vec::new();
    for number in 3..100 {
        let path = format!("/proc/self/fd/{number}");
        let (Ok(to), Ok(link)) = (fs::read_link(&path), fs::symlink_metadata(&path)) else {
            continue;
        };
        let may_write = link.permissions().mode() & 0o200 != 0;
        let what = if !to.to_string_lossy().starts_with("pipe") {
            "letters"
        } else if may_write {
            "pipe, to write"
        } else {
            "pipe, to read"
        };
        all.push(format!("{number} ({what})"));
    }
    say(me, &format!("has {}", all.join(" ")));
}
