//! A solution: four children count at the same time, and leave their answers in a file.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::process::ExitCode;

use clap::Parser;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};
use start_methods::children::leave;

/// Has four children count the primes of a part each
#[derive(Parser)]
struct Arguments {}

const PARTS: usize = 4;
const NUMBERS: usize = 200_000;

// ANCHOR: solution
fn count_by_four() -> io::Result<()> {
    // Every child has a descriptor of it, and all of them lead to the same file.
    let answers = File::from(memfd_create(c"answers", MFdFlags::MFD_CLOEXEC)?);
    let mut children = Vec::new();
    for part in 0..PARTS {
        // SAFETY: this process has one thread, so the child may do all that it may.
        match unsafe { fork() }? {
            ForkResult::Child => {
                let answer = primes(part).to_ne_bytes();
                let written = answers.write_all_at(&answer, place(part));
                leave(i32::from(written.is_err()))
            }
            ForkResult::Parent { child } => children.push(child),
        }
    }
    for child in children {
        let end = waitpid(child, None)?;
        if end != WaitStatus::Exited(child, 0) {
            return Err(io::Error::other(format!("a child ended: {end:?}")));
        }
    }
    let mut all = 0;
    for part in 0..PARTS {
        let mut answer = [0; size_of::<usize>()];
        answers.read_exact_at(&mut answer, place(part))?;
        let answer = usize::from_ne_bytes(answer);
        println!("part {}: {answer} primes", part + 1);
        all += answer;
    }
    println!("all: {all}");
    Ok(())
}

/// Where the answer of a part is: at an offset of its own, and not at the one
/// that all descriptors share.
fn place(part: usize) -> u64 {
    (part * size_of::<usize>()) as u64
}
// ANCHOR_END: solution

/// How many primes a part of the numbers has, by trying every divisor.
fn primes(part: usize) -> usize {
    let numbers = part * NUMBERS..(part + 1) * NUMBERS;
    let is_prime = |n: &usize| {
        let mut divisors = (2..).take_while(|d| d * d <= *n);
        *n > 1 && divisors.all(|d| !n.is_multiple_of(d))
    };
    numbers.filter(is_prime).count()
}

fn main() -> ExitCode {
    command_line::run(|_: Arguments| count_by_four())
}
