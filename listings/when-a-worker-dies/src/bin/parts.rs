//! The total without a lock: each worker sends its part, and the parent adds.

use std::io::{self, Read, Write};
use std::process::ExitCode;

use clap::Parser;
use nix::libc;
use nix::sys::signal::{Signal, raise};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

fn main() -> ExitCode {
    command_line::run(|_: Arguments| add_up())
}

fn add_up() -> io::Result<()> {
    let mut workers = Vec::new();
    for (worker, part) in [(1, 10_u64), (2, 20), (3, 30)] {
        let (reader, mut writer) = io::pipe()?;
        // SAFETY: this process has one thread, so the child may do all that it may.
        match unsafe { fork() }? {
            ForkResult::Child => {
                if worker == 2 {
                    let _ = raise(Signal::SIGKILL);
                }
                let sent = writer.write_all(&part.to_ne_bytes());
                // SAFETY: `_exit` has no preconditions.
                unsafe { libc::_exit(i32::from(sent.is_err())) }
            }
            ForkResult::Parent { child } => workers.push((worker, child, reader)),
        }
    }
    let (mut sum, mut parts) = (0, 0);
    for (worker, child, mut reader) in workers {
        let mut part = [0; 8];
        let came = match reader.read_exact(&mut part) {
            Ok(()) => {
                sum += u64::from_ne_bytes(part);
                parts += 1;
                "its part has come"
            }
            Err(_) => "its part is missing",
        };
        println!("worker {worker} {}: {came}", ending(child)?);
    }
    println!("in the end: sum {sum}, parts {parts}");
    Ok(())
}

fn ending(child: Pid) -> io::Result<String> {
    Ok(match waitpid(child, None)? {
        WaitStatus::Signaled(_, signal, _) => format!("was killed by {signal}"),
        WaitStatus::Exited(_, code) => format!("exited with code {code}"),
        other => format!("{other:?}"),
    })
}

/// Three workers send their parts to their parent; one is killed before it does
#[derive(Parser)]
struct Arguments {}
