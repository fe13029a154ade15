//! Row 6: five things set in the parent, and what a child has of each. One signal is left alone.

use std::error::Error;
use std::fs;
use std::process::Command;

use nix::libc::c_int;
use nix::sys::signal::{
    SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, kill, sigaction, sigprocmask,
};
use nix::unistd::getpid;

use crate::children::{forked, spawned_with};
use crate::findings::{Findings, Row};

extern "C" fn handler(_: c_int) {}

/// Sets one thing for one signal, and puts back what was there.
struct Set {
    signal: Signal,
    before: SigAction,
}

impl Set {
    fn new(signal: Signal, handler: SigHandler) -> nix::Result<Self> {
        let action = SigAction::new(handler, SaFlags::SA_RESTART, SigSet::empty());
        // SAFETY: the only handler in use does nothing.
        let before = unsafe { sigaction(signal, &action) }?;
        Ok(Self { signal, before })
    }
}

impl Drop for Set {
    fn drop(&mut self) {
        // SAFETY: what was there before.
        let _ = unsafe { sigaction(self.signal, &self.before) };
    }
}

/// What /proc/PID/status tells of a process's signals, as bit masks.
struct Status {
    caught: u64,
    ignored: u64,
    blocked: u64,
    pending: u64,
}

impl Status {
    fn parse(status: &str) -> Self {
        let mask = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok())
                .unwrap_or(0)
        };
        Self {
            caught: mask("SigCgt:"),
            ignored: mask("SigIgn:"),
            blocked: mask("SigBlk:"),
            pending: mask("SigPnd:") | mask("ShdPnd:"),
        }
    }
}

fn own_status() -> String {
    fs::read_to_string("/proc/thread-self/status").unwrap_or_default()
}

fn has(mask: u64, signal: Signal) -> &'static str {
    match mask >> (signal as u32 - 1) & 1 {
        1 => "yes",
        _ => "no",
    }
}

/// Sets all five, starts a child by each method, and puts them back.
pub fn measure() -> Result<Findings, Box<dyn Error>> {
    let _handled = Set::new(Signal::SIGUSR1, SigHandler::Handler(handler))?;
    let _ignored = Set::new(Signal::SIGUSR2, SigHandler::SigIgn)?;
    // Rust's runtime has done this before `main`.
    let _no_pipe = Set::new(Signal::SIGPIPE, SigHandler::SigIgn)?;
    let mut mask = SigSet::empty();
    let term = SigSet::from(Signal::SIGTERM);
    sigprocmask(SigmaskHow::SIG_BLOCK, Some(&term), Some(&mut mask))?;
    kill(getpid(), Signal::SIGTERM)?;

    let parent = Status::parse(&own_status());
    let by_fork = forked(own_status);
    let by_spawn = spawned_with(Command::new("cat").arg("/proc/self/status"));

    // Ignoring it discards the one that is pending, which would end this process.
    drop(Set::new(Signal::SIGTERM, SigHandler::SigIgn)?);
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&mask), None)?;
    let (by_fork, by_spawn) = (Status::parse(&by_fork?), Status::parse(&by_spawn?));

    type Question = (&'static str, fn(&Status) -> &'static str);
    let questions: [Question; 6] = [
        ("a handler", |status| has(status.caught, Signal::SIGUSR1)),
        ("an ignored signal", |status| {
            has(status.ignored, Signal::SIGUSR2)
        }),
        ("a blocked signal", |status| {
            has(status.blocked, Signal::SIGTERM)
        }),
        ("a pending signal", |status| {
            has(status.pending, Signal::SIGTERM)
        }),
        ("SIGPIPE ignored", |status| {
            has(status.ignored, Signal::SIGPIPE)
        }),
        ("nothing set", |status| {
            let any = status.caught | status.ignored | status.blocked | status.pending;
            has(any, Signal::SIGWINCH)
        }),
    ];
    let lines = questions.iter().map(|(what, ask)| {
        format!(
            "{what:<18} parent {:<4} forked child {:<4} spawned child {:<4}",
            ask(&parent),
            ask(&by_fork),
            ask(&by_spawn)
        )
    });
    let lines: Vec<String> = lines.map(|line| line.trim_end().to_owned()).collect();
    let kept = questions[..3].iter().map(|(_, ask)| ask(&by_spawn));
    let [handler, ignored, blocked] = kept.collect::<Vec<_>>()[..] else {
        unreachable!("three questions");
    };
    Ok(Findings {
        lines,
        row: Row {
            about: "Signal handling",
            measured: format!(
                "a spawned child has the parent's handler: {handler}; its ignored signal: {ignored}; its \
                 mask: {blocked}"
            ),
        },
    })
}
