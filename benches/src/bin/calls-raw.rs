//! What the system alone takes: bytes through a socketpair and back, a program that is
//! started and exits.
//!
//! ```text
//! cargo run --release -p benches --bin calls-raw -- empty 1500
//! ```

use std::env;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use benches::calls::{Arguments, Experiment, LARGE, large, one_by_one, report, sum};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, fork};

/// The first argument of a program that exits at once.
const EXIT: &str = "--exit-at-once";

fn main() -> ExitCode {
    if env::args().nth(1).is_some_and(|first| first == EXIT) {
        return ExitCode::SUCCESS;
    }
    command_line::run(run)
}

fn run(Arguments { experiment, count }: Arguments) -> Result<()> {
    report(match experiment {
        Experiment::Empty => ping_pong(&[0], |_| 0, count)?,
        Experiment::Large => ping_pong(&large(), sum, count)?,
        Experiment::First => started(count)?,
        Experiment::Map | Experiment::Chunks => {
            bail!("expected empty, large or first: bytes are no calls")
        }
    });
    Ok(())
}

/// Sends `there` to another process, and reads the 8 bytes of what it makes of it.
fn ping_pong(there: &[u8], answer: impl Fn(&[u8]) -> u64, count: usize) -> Result<Duration> {
    let (mut ours, mut theirs) = UnixStream::pair()?;
    // SAFETY: this process has one thread.
    match unsafe { fork() }? {
        ForkResult::Child => {
            drop(ours);
            let mut buffer = vec![0; LARGE];
            let bytes = &mut buffer[..there.len()];
            while theirs.read_exact(bytes).is_ok() {
                if theirs.write_all(&answer(bytes).to_ne_bytes()).is_err() {
                    break;
                }
            }
            // SAFETY: `_exit` has no preconditions.
            unsafe { nix::libc::_exit(0) }
        }
        ForkResult::Parent { child } => {
            drop(theirs);
            let expected = answer(there);
            let took = one_by_one(count, || {
                ours.write_all(there)?;
                let mut back = [0; 8];
                ours.read_exact(&mut back)?;
                ensure!(u64::from_ne_bytes(back) == expected, "another answer");
                Ok(())
            })?;
            drop(ours);
            waitpid(child, None)?;
            Ok(took)
        }
    }
}

/// Starts this program again, which exits at once, and waits for its end.
fn started(count: usize) -> Result<Duration> {
    let program = env::current_exe()?;
    let mut took = Duration::ZERO;
    for _ in 0..count {
        let start = Instant::now();
        let mut command = Command::new(&program);
        let status = command.arg(EXIT).stdin(Stdio::null()).status()?;
        took += start.elapsed();
        ensure!(status.success(), "{status}");
    }
    Ok(took)
}
