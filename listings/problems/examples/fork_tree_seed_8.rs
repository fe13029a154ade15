//! Fork tree, seed 8, level 2.
//!
//! Draw the tree of the processes, and say what they may print, line by line. Which process is
//! each one's parent when it exits?

use std::process::exit;

use nix::Result;
use nix::sys::prctl::set_child_subreaper;
use nix::sys::wait::{WaitStatus, wait};
use nix::unistd::{fork, write};

fn main() -> Result<()> {
    // Orphans become children of this process.
    set_child_subreaper(true)?;
    let mut me = 0;
    if child()? {
        me = 1;
        say(me, "a");
        if child()? {
            me = 2;
            say(me, "b");
            if child()? {
                me = 3;
                say(me, "c");
                exit(7);
            }
            if child()? {
                me = 4;
                say(me, "d");
                exit(2);
            }
            reap(me);
            say(me, "e");
            exit(6);
        }
        say(me, "f");
        reap(me);
        say(me, "g");
        exit(1);
    }
    say(me, "h");
    while wait().is_ok() {}
    say(me, "i");
    Ok(())
}

/// Forks: true in the child.
fn child() -> Result<bool> {
    // SAFETY: this program has one thread, so its child may do all that it may (fork(2)).
    Ok(unsafe { fork()? }.is_child())
}

/// The same as a wait, and says the status with which the child exited.
fn reap(me: usize) {
    if let Ok(WaitStatus::Exited(_, status)) = wait() {
        say(me, &format!("reaps status {status}"));
    }
}

/// Prints a line in one write.
fn say(me: usize, what: &str) {
    let _ = write(std::io::stdout(), format!("P{me} {what}\n").as_bytes());
}
