//! Children that look at something and tell it: the same question to a forked child
//! and to a spawned one.

use std::io::{self, PipeWriter, Read, Write};
use std::process::{Command, Stdio};

use nix::libc;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

/// What a forked child finds.
pub fn forked(look: impl FnOnce() -> String) -> io::Result<String> {
    let (mut answer, mut own_end) = io::pipe()?;
    // SAFETY: this program has one thread whenever it forks by itself, so the child may do all
    // that its parent may (fork(2)).
    match unsafe { fork() }? {
        ForkResult::Child => {
            let told = own_end.write_all(look().as_bytes());
            leave(if told.is_ok() { 0 } else { 1 })
        }
        ForkResult::Parent { child } => {
            drop(own_end);
            let mut text = String::new();
            let read = answer.read_to_string(&mut text);
            ended_well(child)?;
            read.map(|_| text)
        }
    }
}

/// What a spawned child finds: this program, started anew in that role.
pub fn spawned(role: &str) -> io::Result<String> {
    spawned_with(Command::new("/proc/self/exe").arg(role))
}

/// What a spawned program prints.
pub fn spawned_with(command: &mut Command) -> io::Result<String> {
    let output = command.stdin(Stdio::null()).output()?;
    if !output.status.success() {
        let told = String::from_utf8_lossy(&output.stderr);
        return Err(io::Error::other(format!(
            "a spawned child ended with {}: {}",
            output.status,
            told.trim()
        )));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A forked child that does nothing until it is dropped. It holds what it inherited.
pub struct Paused {
    pid: Pid,
    go_on: Option<PipeWriter>,
}

impl Paused {
    /// Forks it.
    pub fn fork() -> io::Result<Self> {
        let (mut waits, go_on) = io::pipe()?;
        // SAFETY: as in `forked`.
        match unsafe { fork() }? {
            ForkResult::Child => {
                drop(go_on);
                let _ = waits.read(&mut [0]);
                leave(0)
            }
            ForkResult::Parent { child } => Ok(Self {
                pid: child,
                go_on: Some(go_on),
            }),
        }
    }
}

impl Drop for Paused {
    fn drop(&mut self) {
        // The end of its pipe is what it waits for.
        drop(self.go_on.take());
        let _ = waitpid(self.pid, None);
    }
}

/// Ends a forked child without what its parent has registered for its own end.
pub fn leave(code: i32) -> ! {
    // SAFETY: `_exit` has no preconditions (_exit(2)).
    unsafe { libc::_exit(code) }
}

fn ended_well(child: Pid) -> io::Result<()> {
    match waitpid(child, None)? {
        WaitStatus::Exited(_, 0) => Ok(()),
        other => Err(io::Error::other(format!("a forked child ended: {other:?}"))),
    }
}
