//! What a run did, as it is known when it has ended.

use std::process::ExitStatus;
use std::time::{Duration, SystemTime};

use anyhow::{Result, bail};
use nix::sys::signal::Signal;

use crate::book::listing::SKIPPED;
use crate::record::account::Observation;
use crate::record::line::Line;
use crate::record::marks::Mark;
use crate::record::memory::MemorySample;
use crate::text::words::memory;

/// A run that prints more bytes than this is ended: no page can show it.
pub const MOST_OUTPUT: usize = 8 << 20;

/// A run that prints more lines than this is ended.
pub const MOST_LINES: usize = 100_000;

/// What a run did.
#[derive(Debug, Clone)]
pub struct RunResult {
    /// When it began.
    pub began: SystemTime,
    /// What it printed, stdout and stderr in their order.
    pub lines: Vec<Line>,
    /// What its processes were doing when, in order of time, if they reported it.
    pub marks: Vec<Mark>,
    /// The memory of its process tree; empty where it was not sampled.
    pub memory: Vec<MemorySample>,
    /// What its processes did, where they were observed.
    pub observation: Observation,
    /// Seconds from its start to the exit of its main process.
    pub seconds: f64,
    /// How it ended.
    pub end: Exit,
    /// What is wrong with the client that called it: the predicate of a sentence.
    pub client_fault: Option<String>,
    /// The processes that outlived it, as "sleep (process 4711)"; they are ended.
    pub left_behind: Vec<String>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// By itself, with this exit code.
    Exited(i32),
    /// By a signal that this tool did not send.
    Killed(Signal),
    /// It was ended because its time limit had passed.
    LimitPassed(Duration),
    /// It was ended because its processes had more bytes of memory than this machine's user lets
    /// a run have.
    MemoryPassed(u64),
    /// It was ended because it printed more than [`MOST_OUTPUT`] bytes.
    TooMuchOutput,
    /// It was ended because it printed more than [`MOST_LINES`].
    TooManyLines,
    /// It was ended as it is meant to be: it has no end of its own.
    AsMeant,
    /// By itself, with this exit code, before it was ended as it is meant to be.
    TooEarly(i32),
    /// It was ended because [`Stop`] asked for it.
    Stopped,
}

impl RunResult {
    /// Why the run was skipped, if it was: in its own words with exit status 77, as in the
    /// Automake manual, "Scripts-based Testsuites"; or since it needs more memory than it may have.
    pub fn skipped(&self) -> Option<String> {
        if let Exit::MemoryPassed(bytes) = self.end {
            let memory = memory(bytes >> 20);
            return Some(format!(
                "ended, it needs more than the {memory} that it may have"
            ));
        }
        (self.end == Exit::Exited(SKIPPED) && self.left_behind.is_empty()).then(|| {
            let texts = self.lines.iter().rev().map(|line| line.text().trim());
            let last = texts
                .into_iter()
                .find(|text| !text.is_empty())
                .map(str::to_owned);
            last.unwrap_or_else(|| "it did not say why".to_owned())
        })
    }

    /// What is wrong with how the run ended; nothing when it was skipped.
    pub fn faults(&self, expected_exit: i32) -> Vec<String> {
        let mut faults = Vec::new();
        match self.end {
            Exit::Exited(code) if code == expected_exit || code == SKIPPED => {}
            Exit::MemoryPassed(_) | Exit::AsMeant => {}
            Exit::TooEarly(code) => faults.push(format!(
                "ended by itself with exit code {code}; expected that it goes on until it is ended"
            )),
            Exit::Exited(0) => faults.push(format!("ended with exit code 0, not {expected_exit}")),
            Exit::Exited(code) => faults.push(match telling_line(&self.lines) {
                Some(last) => format!("ended with exit code {code}, not {expected_exit}: {last}"),
                None => {
                    format!("ended with exit code {code}, not {expected_exit}, and printed nothing")
                }
            }),
            Exit::Killed(signal) => faults.push(format!("was killed by {signal}")),
            Exit::LimitPassed(limit) => {
                faults.push(format!(
                    "was ended: it passed its limit of {} s",
                    limit.as_secs_f64()
                ));
            }
            Exit::TooMuchOutput => {
                faults.push(format!(
                    "was ended: it printed more than {} MiB",
                    MOST_OUTPUT >> 20
                ));
            }
            Exit::TooManyLines => {
                faults.push(format!(
                    "was ended: it printed more than {MOST_LINES} lines"
                ));
            }
            Exit::Stopped => faults.push("was stopped".to_owned()),
        }
        faults.extend(self.client_fault.clone());
        faults.extend(
            self.left_behind
                .iter()
                .map(|process| format!("left {process} behind")),
        );
        faults
    }

    /// Whether it ended with that exit status, or was ended as it is meant to be.
    pub fn ended_with(&self, status: i32) -> bool {
        match self.end {
            Exit::AsMeant => true,
            Exit::TooEarly(_) => false,
            _ => self.exit_code() == status,
        }
    }

    /// The exit code as a shell tells it: 128 and the number of the signal.
    pub fn exit_code(&self) -> i32 {
        match self.end {
            Exit::Exited(code) | Exit::TooEarly(code) => code,
            Exit::AsMeant => 128 + Signal::SIGTERM as i32,
            Exit::Killed(signal) => 128 + signal as i32,
            Exit::LimitPassed(_)
            | Exit::MemoryPassed(_)
            | Exit::TooMuchOutput
            | Exit::TooManyLines
            | Exit::Stopped => 128 + Signal::SIGKILL as i32,
        }
    }
}

/// The line that tells best why a run failed: the first error of cargo or the compiler, where a
/// thread panics, or else the last line.
fn telling_line(lines: &[Line]) -> Option<String> {
    let texts = || lines.iter().map(|line| line.text().trim_end());
    let is_error = |text: &&str| text.starts_with("error: ") || text.starts_with("error[");
    let panics = |text: &&str| text.starts_with("thread '") && text.contains(" panicked at ");
    let panic = texts().skip_while(|text| !panics(text)).take(2);
    let panic: Vec<&str> = panic.collect();
    let found = texts().find(is_error).map(str::to_owned);
    let found = found.or_else(|| (!panic.is_empty()).then(|| panic.join(" ")));
    found.or_else(|| {
        let last = texts().rfind(|text| !text.trim().is_empty());
        last.map(|text| text.trim().to_owned())
    })
}

impl Exit {
    pub(crate) fn of(status: ExitStatus) -> Result<Exit> {
        use std::os::unix::process::ExitStatusExt;
        match (status.code(), status.signal()) {
            (Some(code), _) => Ok(Exit::Exited(code)),
            (None, Some(signal)) => Ok(Exit::Killed(Signal::try_from(signal)?)),
            (None, None) => bail!("a process ended without a status: {status}"),
        }
    }
}
