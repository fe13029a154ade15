//! One `kill -9` among many calls: what the contenders of `deaths` do and report alike.
//!
//! Each call takes a millisecond. The one behind the first three tenths says through a FIFO
//! which process carries it out, and waits; the parent, which has the results before it by
//! then, kills that process. So the worker that dies is a busy one, each time in the same
//! call. `python/one_kill.py` does the same.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process;
use std::str::FromStr;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Parser;
use nix::sys::signal::{Signal, kill};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;

/// How many workers each contender has.
pub const WORKERS: usize = 4;

/// How long a call without a result is waited for before it counts as one that hangs.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// How long the worker that is to be killed waits for that.
const LAST_MOMENTS: Duration = Duration::from_secs(1);

/// What the driver tells a contender.
#[derive(Parser)]
pub struct Experiment {
    /// How many calls there are.
    pub calls: usize,
    /// The FIFO of the worker that is to be killed.
    pub fifo: PathBuf,
}

/// The argument of a call: its number, and the FIFO where its worker is to be killed.
pub type Call = (u64, Option<PathBuf>);

/// The result of a call: its number, and when it was found, in nanoseconds of this
/// machine's monotonic clock.
pub type Answer = (u64, u64);

/// The task: answers after a millisecond.
pub fn answer((number, fifo): Call) -> Answer {
    // It is gone where the worker before this one has been killed in this call.
    if let Some(mut fifo) = fifo.and_then(|path| OpenOptions::new().write(true).open(path).ok()) {
        let _ = write!(fifo, "{}", process::id());
        drop(fifo);
        thread::sleep(LAST_MOMENTS);
    }
    thread::sleep(Duration::from_millis(1));
    (number, now())
}

/// Nanoseconds of CLOCK_MONOTONIC, which all processes of a machine share.
fn now() -> u64 {
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(0, |time| Duration::from(time).as_nanos() as u64)
}

impl Experiment {
    /// Makes the calls by `submit`, kills the worker of one, and waits for each result, in
    /// the order of the calls, by `wait`: the result, an error in one line, or nothing where
    /// there is none after [`PATIENCE`].
    ///
    /// # Errors
    ///
    /// Where a call cannot be submitted or no worker be killed.
    pub fn observe<H>(
        &self,
        mut submit: impl FnMut(Call) -> Result<H>,
        mut wait: impl FnMut(H) -> Result<Option<Answer>, String>,
    ) -> Result<Report> {
        let before = self.calls * 3 / 10;
        let mut submitted = Vec::with_capacity(self.calls);
        for index in 0..self.calls {
            let fifo = (index == before).then(|| self.fifo.clone());
            submitted.push(submit((index as u64 + 1, fifo))?);
        }
        let mut submitted = submitted.into_iter();
        let mut report = Report::default();
        for handle in submitted.by_ref().take(before) {
            report.add(wait(handle));
        }
        let killed = kill_the_worker_of(&self.fifo)?;
        let mut next = u64::MAX;
        for handle in submitted {
            let waited = wait(handle);
            if let Ok(Some((_, found))) = waited
                && found > killed
            {
                next = next.min(found);
            }
            report.add(waited);
        }
        if let Ok(Some(_)) = wait(submit((0, None))?) {
            report.next = Some((Duration::from_nanos(next - killed), Server::SamePool));
        }
        Ok(report)
    }
}

/// Kills the process that says through `fifo` that it carries a call out; when that was.
fn kill_the_worker_of(fifo: &Path) -> Result<u64> {
    let pid = fs::read_to_string(fifo).context("cannot read which worker to kill")?;
    fs::remove_file(fifo)?;
    let pid = pid
        .parse()
        .with_context(|| format!("{pid:?} is no process"))?;
    let killed = now();
    kill(Pid::from_raw(pid), Signal::SIGKILL).context("cannot kill the worker")?;
    Ok(killed)
}

/// What became of a contender's calls. Its text is one line, which it can be read from.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Report {
    /// How many results came.
    pub results: usize,
    /// Their sum.
    pub sum: u64,
    /// How many calls had neither a result nor an error after [`PATIENCE`].
    pub silent: usize,
    /// How long after the kill the next good result was found, and by whom.
    pub next: Option<(Duration, Server)>,
    /// The first error.
    pub error: Option<String>,
}

/// Who found the next good result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// The pool whose worker was killed.
    SamePool,
    /// One that was made in its place, as it takes no calls any more.
    NewPool,
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::SamePool => "same pool",
            Self::NewPool => "new pool",
        })
    }
}

impl Report {
    fn add(&mut self, waited: Result<Option<Answer>, String>) {
        match waited {
            Ok(Some((number, _))) => {
                self.results += 1;
                self.sum += number;
            }
            Ok(None) => self.silent += 1,
            Err(error) => {
                self.error.get_or_insert(error);
            }
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            results,
            sum,
            silent,
            ..
        } = self;
        write!(f, "results={results} sum={sum} silent={silent}")?;
        if let Some((after, by)) = &self.next {
            let by = by.to_string().replace(' ', "-");
            write!(f, " next_ns={} by={by}", after.as_nanos())?;
        }
        if let Some(error) = &self.error {
            write!(f, " error={}", error.lines().next().unwrap_or_default())?;
        }
        Ok(())
    }
}

impl FromStr for Report {
    type Err = anyhow::Error;

    fn from_str(line: &str) -> Result<Self> {
        let (figures, error) = match line.split_once(" error=") {
            Some((figures, error)) => (figures, Some(error.to_owned())),
            None => (line, None),
        };
        let word = |name: &str| {
            let mut words = figures.split_whitespace();
            words.find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
        };
        let number = |name: &str| {
            let text = word(name).with_context(|| format!("expected {name}=N in {line:?}"))?;
            text.parse::<u64>()
                .with_context(|| format!("expected a number, not {name}={text}"))
        };
        let next = match word("by") {
            None => None,
            Some(by) => {
                let by = match by {
                    "same-pool" => Server::SamePool,
                    "new-pool" => Server::NewPool,
                    _ => bail!("expected by=same-pool or by=new-pool, not {by}"),
                };
                Some((Duration::from_nanos(number("next_ns")?), by))
            }
        };
        Ok(Self {
            results: number("results")? as usize,
            sum: number("sum")?,
            silent: number("silent")? as usize,
            next,
            error,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read_as_it_was_written() {
        let full = Report {
            results: 999,
            sum: 500_199,
            silent: 1,
            next: Some((Duration::from_nanos(1_234_567), Server::NewPool)),
            error: Some("WorkerLost: ForkProcess-2 was killed: why=SIGKILL".to_owned()),
        };
        for report in [full, Report::default()] {
            let line = report.to_string();
            assert_eq!(line.parse::<Report>().expect("read"), report, "{line}");
        }
    }

    #[test]
    fn a_line_that_is_no_report_is_refused_with_what_was_expected() {
        let why = |line: &str| {
            let refused = line.parse::<Report>().expect_err("refused");
            refused.to_string()
        };
        assert!(why("Traceback").contains("expected results=N"));
        assert!(why("results=x sum=1 silent=0").contains("not results=x"));
        assert!(why("results=1 sum=1 silent=0 next_ns=1 by=me").contains("not me"));
    }
}
