//! Your version: two workers, one of which closes its copy of its parent's end. That one is to
//! see the stream end.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use nix::libc;
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, fork};

/// Closes the parent's end, and sees whether the worker notices
#[derive(Parser)]
struct Arguments {}

fn main() -> ExitCode {
    command_line::run(|Arguments {}| {
        close_and_wait("that closed its copy", true)?;
        close_and_wait("that kept its copy", false)
    })
}

fn close_and_wait(worker: &str, closes: bool) -> io::Result<()> {
    let (ours, mut theirs) = UnixStream::pair()?;
    // SAFETY: this process has one thread, so the child may do all that it may.
    match unsafe { fork() }? {
        ForkResult::Child => {
            let kept = ours.try_clone();
            if closes {
                drop(kept);
            }
            let limited = theirs.set_read_timeout(Some(Duration::from_secs(1)));
            let told = limited.and_then(|()| theirs.read(&mut [0]));
            match told {
                Ok(_) => println!("a worker {worker}: the stream has ended"),
                Err(error) => println!("a worker {worker}: no end in a second: {error}"),
            }
            // SAFETY: `_exit` has no preconditions.
            unsafe { libc::_exit(0) }
        }
        ForkResult::Parent { child } => {
            drop((ours, theirs));
            waitpid(child, None)?;
            Ok(())
        }
    }
}
