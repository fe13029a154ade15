//! One `kill -9` among many calls: what becomes of them in this book's pool, in procspawn's
//! and in Python's.
//!
//! ```text
//! python3 -m venv venv && venv/bin/pip install loky
//! PYTHON=venv/bin/python cargo run -p benches --bin deaths
//! PYTHON=venv/bin/python cargo run -p benches --bin deaths -- --rounds 1
//! ```
//!
//! Each contender is a program of its own, `src/bin/one-kill-*.rs` or `python/one_kill.py`,
//! and can be run alone. What they have in common is in `src/one_kill.rs`. Without loky or
//! without Python, their lines say so, and this program ends with code 77, "skipped".

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context, Result};
use benches::one_kill::{PATIENCE, Report, WORKERS};
use benches::programs::{Built, Missing, Python, SKIPPED, interpreter, scripts};
use benches::running::{self, Late};
use benches::spread::Spread;
use clap::Parser;
use command_line::{count, grouped};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use process_pool::StartMethod;

/// How long a contender may take in all.
const WATCHDOG: Duration = Duration::from_secs(30);

/// What the table says.
const LEGEND: &str = "\
next:  from the kill to the next good result, the median of the rounds [least-most], and
       whether the same pool found it or one that was made in the place of the broken one
";

fn main() -> ExitCode {
    let mut skipped = false;
    let code = command_line::run(|arguments| {
        skipped = compare(arguments)?;
        anyhow::Ok(())
    });
    if skipped {
        ExitCode::from(SKIPPED)
    } else {
        code
    }
}

/// Kills one worker of each pool and shows what becomes of the calls
#[derive(Parser)]
struct Arguments {
    /// Calls of each contender
    #[arg(long, value_name = "N", value_parser = count::<5_000>, default_value = "1_000")]
    calls: usize,

    /// How often each contender runs
    #[arg(long, value_name = "N", value_parser = count::<1000>, default_value = "3")]
    rounds: usize,

    /// The Python interpreter, one that has loky [default: $PYTHON, else python3]
    #[arg(long, value_name = "PATH")]
    python: Option<PathBuf>,
}

/// Whose worker is killed.
struct Contender {
    name: String,
    program: Program,
    words: Vec<String>,
}

/// What carries its calls out.
enum Program {
    /// This program of the crate.
    Rust(&'static str),
    /// `one_kill.py`, with nothing but Python.
    Python,
    /// The same, with loky.
    Loky,
}

fn contenders() -> Vec<Contender> {
    let mut contenders = Vec::new();
    let mut add = |name: &str, program, words: &[&str]| {
        contenders.push(Contender {
            name: name.to_owned(),
            program,
            words: words.iter().map(|word| word.to_string()).collect(),
        });
    };
    for retries in ["0", "1"] {
        for method in StartMethod::ALL.map(|method| method.to_string()) {
            add(
                &format!("process-pool {method}, retries {retries}"),
                Program::Rust("one-kill-process-pool"),
                &[&method, retries],
            );
        }
    }
    add("procspawn", Program::Rust("one-kill-procspawn"), &[]);
    add("ProcessPoolExecutor", Program::Python, &["executor"]);
    add("multiprocessing.Pool", Program::Python, &["pool"]);
    add("loky", Program::Loky, &["loky"]);
    add(
        "loky, lost calls once more",
        Program::Loky,
        &["loky-resubmitting"],
    );
    contenders
}

/// What this machine has of what the contenders need.
struct Machine {
    built: Built,
    interpreter: OsString,
    loky: Result<Python, Missing>,
}

impl Machine {
    fn find(python: Option<PathBuf>) -> Result<Self> {
        let interpreter = interpreter(python);
        Ok(Self {
            loky: Python::find(&interpreter, "loky")?,
            built: Built::build(&["-p", "benches", "--bins"])?,
            interpreter,
        })
    }

    /// The versions of Python and loky, as far as they are here.
    fn versions(&self) -> &str {
        match &self.loky {
            Ok(python) => &python.versions,
            Err(missing) if missing.has_interpreter => "python without loky",
            Err(_) => "no python",
        }
    }

    /// The program of `contender` with its words, or what is missing for it.
    fn command(&self, contender: &Contender) -> Result<Result<Command, &Missing>> {
        let mut command = match (&contender.program, &self.loky) {
            (Program::Rust(name), _) => Command::new(self.built.program(name)?),
            (Program::Loky, Err(missing)) => return Ok(Err(missing)),
            (Program::Python, Err(missing)) if !missing.has_interpreter => {
                return Ok(Err(missing));
            }
            (Program::Python | Program::Loky, _) => {
                let mut command = Command::new(&self.interpreter);
                command.arg(scripts().join("one_kill.py"));
                command
            }
        };
        command.args(&contender.words);
        Ok(Ok(command))
    }
}

/// Whether a contender was skipped.
fn compare(arguments: Arguments) -> Result<bool> {
    running::watch_for_interruptions()?;
    let (calls, rounds) = (arguments.calls, arguments.rounds);
    let machine = Machine::find(arguments.python)?;
    println!("{}", machine.versions());
    println!(
        "calls {}, workers {WORKERS}, rounds {rounds}",
        grouped(calls)
    );
    println!("exact sum {}", exact_sum(calls));
    println!(
        "hangs: a call has neither a result nor an error after {} s",
        PATIENCE.as_secs()
    );
    print!("{LEGEND}");
    io::stdout().flush()?;

    let folder = tempfile::tempdir()?;
    let fifo = folder.path().join("fifo");
    let mut lacking = None;
    for contender in contenders() {
        match machine.command(&contender)? {
            Err(missing) => {
                println!("{:<36} skipped", contender.name);
                lacking = Some(missing);
            }
            Ok(mut command) => {
                command.arg(calls.to_string()).arg(&fifo);
                let reports = (0..rounds)
                    .map(|_| lose_a_worker(&contender.name, &command, &fifo))
                    .collect::<Result<Vec<_>>>()?;
                println!("{:<36} {}", contender.name, Line { calls, reports });
            }
        }
        // A reader sees each line when it is there.
        io::stdout().flush()?;
    }
    if let Some(missing) = lacking {
        println!("{missing}");
    }
    Ok(lacking.is_some())
}

/// Runs `command`, the contender of this name, once; nothing where it did not end in time.
fn lose_a_worker(name: &str, command: &Command, fifo: &Path) -> Result<Option<Report>> {
    let _ = fs::remove_file(fifo);
    mkfifo(fifo, Mode::S_IRUSR | Mode::S_IWUSR).context("cannot make a FIFO")?;
    let mut once = Command::new(command.get_program());
    once.args(command.get_args());
    let finished = match running::run_within(once, WATCHDOG) {
        Err(error) if error.is::<Late>() => return Ok(None),
        finished => finished.with_context(|| format!("cannot run {name}"))?,
    };
    finished.check(name)?;
    let report = finished.output.lines().find(|l| l.starts_with("results="));
    let report = report.with_context(|| format!("{name} printed no results=N"))?;
    Ok(Some(report.parse()?))
}

fn exact_sum(calls: usize) -> u64 {
    let calls = calls as u64;
    calls * (calls + 1) / 2
}

/// What became of a contender's calls, round by round.
struct Line {
    calls: usize,
    reports: Vec<Option<Report>>,
}

impl Line {
    fn outcome(&self, report: &Option<Report>) -> &'static str {
        match report {
            None => "hangs",
            Some(report) if report.silent > 0 => "hangs",
            Some(report) if report.error.is_some() => "error",
            Some(report) if (report.results, report.sum) == (self.calls, exact_sum(self.calls)) => {
                "exact sum"
            }
            Some(_) => "wrong sum",
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcomes: BTreeSet<_> = self.reports.iter().map(|r| self.outcome(r)).collect();
        let outcomes = Vec::from_iter(outcomes).join(" or ");
        let ended = || self.reports.iter().flatten();
        let came = |results: Option<usize>| results.map_or("none".to_owned(), grouped);
        let least = came(ended().map(|report| report.results).min());
        let most = came(ended().map(|report| report.results).max());
        let range = if least == most {
            least
        } else {
            format!("{least}-{most}")
        };
        write!(f, "{outcomes:<9}  {range:>7} of {}", grouped(self.calls))?;
        let next = ended().filter_map(|report| report.next);
        if let Some(spread) = Spread::of(next.map(|(after, _)| after.as_secs_f64() * 1000.0)) {
            write!(f, "  next {spread} ms,")?;
        }
        let servers: BTreeSet<_> = ended()
            .filter_map(|r| Some(r.next?.1.to_string()))
            .collect();
        write!(f, " {}", Vec::from_iter(servers).join(" or "))?;
        if let Some(error) = ended().find_map(|report| report.error.as_ref()) {
            let first_sentence = error.split_once(". ").map_or(error.as_str(), |(it, _)| it);
            write!(f, "\n    {first_sentence}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use benches::one_kill::Server;

    fn line(reports: Vec<Option<Report>>) -> String {
        Line { calls: 10, reports }.to_string()
    }

    fn exact() -> Report {
        Report {
            results: 10,
            sum: 55,
            silent: 0,
            next: Some((Duration::from_micros(1500), Server::SamePool)),
            error: None,
        }
    }

    #[test]
    fn an_exact_sum_is_told_with_its_time() {
        let told = line(vec![Some(exact()), Some(exact())]);
        assert_eq!(
            told,
            "exact sum       10 of 10  next 1.50 [1.50-1.50] ms, same pool"
        );
    }

    #[test]
    fn what_is_not_exact_is_told_as_what_it_is() {
        let error = Report {
            results: 9,
            error: Some("Lost: it. As it may happen.".to_owned()),
            ..exact()
        };
        assert!(line(vec![Some(error.clone())]).starts_with("error            9 of 10"));
        assert!(line(vec![Some(error.clone())]).ends_with("\n    Lost: it"));
        let silent = Report {
            silent: 1,
            ..exact()
        };
        assert!(line(vec![Some(silent)]).starts_with("hangs "));
        assert!(line(vec![None]).starts_with("hangs         none of 10"));
        let wrong = Report { sum: 54, ..exact() };
        assert!(line(vec![Some(wrong)]).starts_with("wrong sum "));
        let mixed = line(vec![Some(exact()), Some(error)]);
        assert!(
            mixed.starts_with("error or exact sum     9-10 of 10"),
            "{mixed}"
        );
    }
}
