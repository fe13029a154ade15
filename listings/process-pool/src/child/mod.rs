//! Knows what the other process does: a worker runs tasks, a fork server forks workers.
//! Never imports `parent`, and never returns to the code that called it.
//! Callers: `guard`, and `parent::start` in a child that it has forked.

use std::fs::File;
use std::io;

use nix::fcntl::{FcntlArg, fcntl};
use nix::unistd::dup2_stdin;

pub(crate) mod fork_server;
pub(crate) mod worker;

/// Puts /dev/null in the place of standard input, which is a socket, or another process's
/// input. Where a program has closed it, it stays closed in the workers that it forks.
fn nothing_on_standard_input() {
    let is_open = fcntl(io::stdin(), FcntlArg::F_GETFD).is_ok();
    if is_open && let Ok(nothing) = File::open("/dev/null") {
        let _ = dup2_stdin(nothing);
    }
}
