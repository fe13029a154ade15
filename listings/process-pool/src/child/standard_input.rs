//! The standard input of a pool's processes: it is a socket, or another process's input.

use std::fs::File;
use std::io;

use nix::fcntl::{FcntlArg, fcntl};
use nix::unistd::dup2_stdin;

/// Puts /dev/null in its place. What a program has closed stays closed in the workers that
/// it forks.
pub(crate) fn put_nothing() {
    let is_open = fcntl(io::stdin(), FcntlArg::F_GETFD).is_ok();
    if is_open && let Ok(nothing) = File::open("/dev/null") {
        let _ = dup2_stdin(nothing);
    }
}
