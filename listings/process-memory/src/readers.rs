//! Other processes that map the same memory.

use std::io::{self, PipeWriter, Read, Write};

use nix::libc;
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork};

use crate::memory;

/// Forked children that have read a byte of each page, and now wait until this is dropped.
pub struct Readers {
    pids: Vec<Pid>,
    /// What the children wait for is its end.
    go_on: Option<PipeWriter>,
}

impl Readers {
    /// Forks `count` of them, and comes back when all have read `memory`.
    ///
    /// # Errors
    ///
    /// Where the system starts no more processes, or one of these ends early.
    pub fn fork(count: usize, memory: &[u8]) -> io::Result<Self> {
        let (mut waits, go_on) = io::pipe()?;
        let (mut hears, mut tells) = io::pipe()?;
        let mut readers = Self {
            pids: Vec::with_capacity(count),
            go_on: Some(go_on),
        };
        for number in 1..=count {
            // SAFETY: each program of this listing has one thread, so the child may do all that
            // its parent may (fork(2)).
            let forked = unsafe { fork() };
            match forked.map_err(|error| {
                io::Error::other(format!("cannot start process {number} of {count}: {error}"))
            })? {
                ForkResult::Child => {
                    drop(readers.go_on.take());
                    memory::read(memory);
                    let _ = tells.write_all(&[1]);
                    drop(tells);
                    let _ = waits.read(&mut [0]);
                    // SAFETY: `_exit` has no preconditions. What the parent has registered for
                    // its own end is the parent's to do (_exit(2)).
                    unsafe { libc::_exit(0) }
                }
                ForkResult::Parent { child } => readers.pids.push(child),
            }
        }
        drop(tells);
        hears.read_exact(&mut vec![0; count])?;
        Ok(readers)
    }

    /// Their process ids.
    pub fn pids(&self) -> &[Pid] {
        &self.pids
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        drop(self.go_on.take());
        for &pid in &self.pids {
            let _ = waitpid(pid, None);
        }
    }
}
