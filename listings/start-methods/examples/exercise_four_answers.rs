//! Your version: four children count at the same time, and the parent has their answers.

use std::io;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::Parser;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};
use start_methods::children::leave;

/// Has four children count the primes of a part each
#[derive(Parser)]
struct Arguments {}

const PARTS: usize = 4;
const NUMBERS: usize = 200_000;

/// Where the answers are collected.
static ANSWERS: [AtomicUsize; PARTS] = [const { AtomicUsize::new(0) }; PARTS];

fn count_by_four() -> io::Result<()> {
    for (part, answer) in ANSWERS.iter().enumerate() {
        // SAFETY: this process has one thread, so the child may do all that it may.
        match unsafe { fork() }? {
            ForkResult::Child => {
                answer.store(primes(part), Ordering::SeqCst);
                leave(0)
            }
            ForkResult::Parent { child } => {
                let end = waitpid(child, None)?;
                if end != WaitStatus::Exited(child, 0) {
                    return Err(io::Error::other(format!("a child ended: {end:?}")));
                }
            }
        }
    }
    let mut all = 0;
    for (part, answer) in (1..).zip(&ANSWERS) {
        let answer = answer.load(Ordering::SeqCst);
        println!("part {part}: {answer} primes");
        all += answer;
    }
    println!("all: {all}");
    Ok(())
}

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
