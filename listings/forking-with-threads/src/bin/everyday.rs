//! Eight everyday calls, each made by a thread over and over while its process forks.

use std::backtrace::Backtrace;
use std::env;
use std::error::Error;
use std::hint::black_box;
use std::process::ExitCode;
use std::ptr;

use clap::Parser;
use forking_with_threads::beside::{children_beside, fork_by_the_kernel};
use nix::libc;
use nix::unistd::fork;

// ANCHOR: calls
/// The calls.
const CALLS: [(&str, fn()); 8] = [
    ("vec! of 100 bytes", || drop(black_box(vec![1u8; 100]))),
    ("vec! of 4 KiB", || drop(black_box(vec![1u8; 4096]))),
    ("env::var", || drop(black_box(env::var("PATH")))),
    ("C's printf", || {
        // SAFETY: an empty format asks for no argument.
        unsafe { libc::printf(c"".as_ptr()) };
    }),
    ("Rust's print!", || print!("")),
    ("Backtrace", || {
        drop(black_box(Backtrace::force_capture().to_string()))
    }),
    ("localtime_r", || {
        // SAFETY: both pointers are to values of this frame; all zeros are a `tm`.
        unsafe { libc::localtime_r(&1_000_000_000, &mut std::mem::zeroed()) };
    }),
    ("getaddrinfo", || {
        let mut addresses = ptr::null_mut();
        let (host, none) = (c"127.0.0.1".as_ptr(), ptr::null());
        // SAFETY: a string, two nulls that the call allows, and room for the answer,
        // which is given back once.
        unsafe {
            if libc::getaddrinfo(host, none, ptr::null(), &mut addresses) == 0 {
                libc::freeaddrinfo(addresses);
            }
        }
    }),
];
// ANCHOR_END: calls

// ANCHOR: each
fn each_call(by_the_kernel: bool) -> Result<(), Box<dyn Error>> {
    // SAFETY: no other thread allocates yet. With one arena, all of them want one lock.
    unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) };
    let fork = if by_the_kernel {
        fork_by_the_kernel
    } else {
        fork
    };
    for (name, call) in CALLS {
        // SAFETY: none of the calls changes anything outside this process, and no other
        // thread than theirs is there.
        let outcome = unsafe { children_beside(call, fork) }?;
        println!("{name:<18} {outcome}");
    }
    Ok(())
}
// ANCHOR_END: each

/// Forks children beside a thread that makes the call which they make
#[derive(Parser)]
struct Arguments {
    /// Fork by the kernel's call alone, without what glibc does around it
    #[arg(long)]
    by_the_kernel: bool,
}

fn main() -> ExitCode {
    command_line::run(|arguments: Arguments| each_call(arguments.by_the_kernel))
}
