//! Step 1: the child computes, and its exit code is the answer.

use std::io;

use nix::libc;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};

fn triple(x: i32) -> i32 {
    3 * x
}

pub fn run() -> io::Result<()> {
    // ANCHOR: child
    for argument in [70, 100] {
        // SAFETY: this process has one thread, so the child may do all that it may.
        match unsafe { fork() }? {
            // The argument needs no sending: the child is a copy, and has it.
            ForkResult::Child => {
                // SAFETY: `_exit` has no preconditions. It leaves the exit handlers
                // to the parent, which registered them (_exit(2)).
                unsafe { libc::_exit(triple(argument)) }
            }
            ForkResult::Parent { child } => match waitpid(child, None)? {
                WaitStatus::Exited(_, answer) => {
                    println!("three times {argument} is {answer}, says the child");
                }
                other => println!("the child ended: {other:?}"),
            },
        }
    }
    // ANCHOR_END: child
    Ok(())
}
