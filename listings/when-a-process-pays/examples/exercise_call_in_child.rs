//! Your version: a call that goes wrong is to be the error of that call, and of no other.

use std::io;
use std::panic;
use std::process::{self, ExitCode};
use std::thread;
use std::time::Duration;

use clap::Parser;
use nix::sys::wait::wait;

/// Calls a function twenty times, of which three calls do not return
#[derive(Parser)]
struct Arguments {}

/// The function. For 13 it aborts, for 17 it never ends, and for 19 it panics.
fn square(x: u64) -> u64 {
    match x {
        13 => process::abort(),
        17 => loop {
            thread::sleep(Duration::from_secs(1));
        },
        19 => panic!("no luck with 19"),
        _ => x * x,
    }
}

/// What the function returns, or what became of the call.
fn call(function: fn(u64) -> u64, x: u64) -> io::Result<Result<u64, String>> {
    Ok(panic::catch_unwind(|| function(x)).map_err(|_| "it panicked".into()))
}

fn main() -> ExitCode {
    command_line::run(|_: Arguments| -> io::Result<()> {
        for x in 1..=20 {
            match call(square, x)? {
                Ok(result) => println!("{x}: {result}"),
                Err(why) => println!("{x}: {why}"),
            }
        }
        // ECHILD: nothing runs, and nothing waits to be reaped.
        println!("children left: {:?}", wait());
        Ok(())
    })
}
