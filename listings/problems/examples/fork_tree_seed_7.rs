//! Fork tree, seed 7, level 2.
//!
//! Draw the tree of the processes, and say what they may print, line by line. Which process is
//! each one's parent when it exits?

use std::process::exit;

use nix::Result;
use nix::sys::wait::wait;
use nix::unistd::{fork, write};

fn main() -> Result<()> {
    let mut me = 0;
    if child()? {
        me = 1;
        say(me, "a");
        if child()? {
            me = 2;
            say(me, "b");
            exit(6);
        }
        wait_for_one();
        exit(7);
    }
    say(me, "c");
    if child()? {
        me = 3;
        say(me, "d");
        exit(4);
    }
    say(me, "e");
    while wait().is_ok() {}
    say(me, "f");
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

/// Prints a line in one write.
fn say(me: usize, what: &str) {
    let _ = write(std::io::stdout(), format!("P{me} {what}\n").as_bytes());
}
