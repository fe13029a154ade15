//! Step 2: numbers there and back, through the child's standard input.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

use nix::libc;
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, dup2_stdin, fork};

fn triple(x: u64) -> u64 {
    3 * x
}

pub fn run() -> io::Result<()> {
    let (mut ours, theirs) = UnixStream::pair()?;
    // SAFETY: this process has one thread, so the child may do all that it may.
    match unsafe { fork() }? {
        ForkResult::Child => {
            // While any process has the parent's end open, this one never ends.
            drop(ours);
            let served = dup2_stdin(theirs)
                .map_err(Into::into)
                .and_then(|()| serve());
            // SAFETY: `_exit` has no preconditions.
            unsafe { libc::_exit(i32::from(served.is_err())) }
        }
        ForkResult::Parent { child } => {
            drop(theirs);
            // Three times the last one needs all 64 bits.
            for argument in [70_u64, 100, 5_000_000_000_000_000_000] {
                ours.write_all(&argument.to_ne_bytes())?;
                let mut answer = [0; 8];
                ours.read_exact(&mut answer)?;
                let answer = u64::from_ne_bytes(answer);
                println!("three times {argument} is {answer}, says the child");
            }
            drop(ours);
            println!("then the stream ends, and so does the child: {:?}", {
                waitpid(child, None)?
            });
        }
    }
    Ok(())
}

// ANCHOR: serve
/// A socket goes both ways, whatever its number: the answers leave by standard input.
fn serve() -> io::Result<()> {
    let stdin: OwnedFd = io::stdin().as_fd().try_clone_to_owned()?;
    let mut socket = UnixStream::from(stdin);
    let mut argument = [0; 8];
    while socket.read(&mut argument)? == argument.len() {
        let answer = triple(u64::from_ne_bytes(argument));
        socket.write_all(&answer.to_ne_bytes())?;
    }
    Ok(())
}
// ANCHOR_END: serve
