//! Faults of a pool, each with each start method that can have it, again and again.

use std::error::Error;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use command_line::count;
use nix::errno::Errno;
use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use process_pool::StartMethod;

use when_a_worker_dies::cases::{self, CASES};

/// A try that takes longer hangs.
const WATCHDOG: Duration = Duration::from_secs(30);
/// How long a process of a try may be there after its parent.
const ALLOWED: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    cases::tasks().serve_if_worker();
    command_line::run(|arguments: Arguments| match arguments.case {
        Some(case) => cases::run(&case, arguments.method),
        None => table(arguments.times),
    })
}

/// Tries each case by each method, `times` times, each time in a process of its own.
fn table(times: usize) -> Result<(), Box<dyn Error>> {
    // The orphans of a try become this process's children.
    set_child_subreaper(true)?;
    println!(
        "{:<58} {:<24} {:>8} {:>8} {:>12}",
        "fault", "what comes of it", "fork", "spawn", "fork-server"
    );
    let (mut tries, mut right) = (0, 0);
    for case in CASES {
        // The methods side by side: a case waits more than it works.
        let methods = thread::scope(|scope| {
            let of_method = StartMethod::ALL.map(|method| {
                let tried = (case.applies)(method).then_some(times);
                tried.map(|times| scope.spawn(move || attempts(case.name, method, times)))
            });
            of_method.map(|held| held.map(|held| held.join().expect("it does not panic")))
        });
        let mut cells = Vec::new();
        for held in methods {
            match held.transpose()? {
                Some(held) => {
                    cells.push(format!("{held} of {times}"));
                    tries += times;
                    right += held;
                }
                None => cells.push("-".to_owned()),
            }
        }
        println!(
            "{:<58} {:<24} {:>8} {:>8} {:>12}",
            case.name, case.outcome, cells[0], cells[1], cells[2]
        );
    }
    println!("{right} of {tries} tries ended as they should, and left no process");
    if right < tries {
        return Err(format!("expected {tries} tries to end as they should").into());
    }
    Ok(())
}

/// How many of so many tries end as they are to; what is wrong with the others goes to
/// standard error.
fn attempts(name: &str, method: StartMethod, times: usize) -> io::Result<usize> {
    let mut held = 0;
    for _ in 0..times {
        match attempt(name, method)? {
            Ok(()) => held += 1,
            Err(what) => eprintln!("{name}, {method}: {what}"),
        }
    }
    Ok(held)
}

/// One try; the inner error says what was wrong with it.
fn attempt(name: &str, method: StartMethod) -> io::Result<Result<(), String>> {
    let mut child = Command::new("/proc/self/exe")
        .args([&method.to_string(), "--case", name])
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let group = Pid::from_raw(child.id().cast_signed());
    let mut errors = child.stderr.take().expect("piped");
    let said = thread::spawn(move || {
        let mut text = String::new();
        let _ = errors.read_to_string(&mut text);
        text
    });
    let start = Instant::now();
    let status = loop {
        match child.try_wait()? {
            Some(status) => break Some(status),
            None if start.elapsed() > WATCHDOG => break None,
            None => thread::sleep(Duration::from_millis(1)),
        }
    };
    let nothing_left = all_gone(group);
    if !nothing_left {
        let _ = killpg(group, Signal::SIGKILL);
        let _ = child.wait();
    }
    let said = said.join().unwrap_or_default();
    Ok(match status {
        None => Err("it hangs".to_owned()),
        Some(_) if !nothing_left => Err("a process is left".to_owned()),
        Some(status) if cases::ends_well(name, status) => Ok(()),
        Some(status) => Err(format!(
            "{status}: {}",
            said.lines().last().unwrap_or_default()
        )),
    })
}

/// Whether every process of the group ends in time; its orphans are reaped.
fn all_gone(group: Pid) -> bool {
    let start = Instant::now();
    loop {
        let reaped = waitpid(Pid::from_raw(-group.as_raw()), Some(WaitPidFlag::WNOHANG));
        match (reaped, killpg(group, None)) {
            (_, Err(Errno::ESRCH)) => return true,
            (Ok(status), _) if status != WaitStatus::StillAlive => {}
            _ if start.elapsed() > ALLOWED => return false,
            _ => thread::sleep(Duration::from_millis(1)),
        }
    }
}

/// Does harm to pools, and prints a table of what came of it
#[derive(Parser)]
struct Arguments {
    /// How often each fault is tried by each start method
    #[arg(long, value_name = "N", value_parser = count::<100_000>, default_value = "3")]
    times: usize,

    /// Be one try of this fault
    #[arg(long, hide = true)]
    case: Option<String>,

    /// By this start method
    #[arg(hide = true, default_value = "spawn")]
    method: StartMethod,
}
