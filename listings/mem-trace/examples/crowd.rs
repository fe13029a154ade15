//! Eight processes print to one standard output at once: whole lines only.
//!
//! `cargo run --example crowd | sort | uniq -c` counts them.

use mem_trace::{set_name, trace};
use nix::sys::wait::wait;
use nix::unistd::{ForkResult, fork};

/// Lines of each process: one short, one with a line break, one that is longer
/// than `PIPE_BUF`, again and again.
const ROUNDS: usize = 200;

fn main() {
    for process in 1..=8u8 {
        // SAFETY: this program has one thread.
        if let ForkResult::Child = unsafe { fork() }.expect("fork") {
            set_name(format!("ForkProcess-{process}"));
            let mark = char::from(b'a' + process);
            for _ in 0..ROUNDS {
                trace!("<{mark}>");
                trace!("<{mark}>\n<{mark}>");
                trace!("<{}>", mark.to_string().repeat(10_000));
            }
            return;
        }
    }
    while wait().is_ok() {}
}
