//! What a call costs: this book's pool beside what the system takes, procspawn and Python.
//!
//! ```text
//! cargo run --release -p benches --bin calls
//! PYTHON=python3 cargo run --release -p benches --bin calls -- --rounds 1
//! ```
//!
//! Each contender is a program of its own, `src/bin/calls-*.rs` or `python/calls.py`, built
//! in the release profile, and can be run alone. What they have in common is in
//! `src/calls.rs`. The rounds are interleaved: in each, every contender runs every experiment
//! once. Without Python, its lines say so, and this program ends with code 77, "skipped".

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use benches::calls::{Experiment, read_report};
use benches::programs::{Built, Python, SKIPPED, interpreter, scripts};
use benches::running;
use benches::spread::Spread;
use clap::Parser;
use command_line::{count, grouped};

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

/// Measures what a call of each pool takes, beside what the system takes
#[derive(Parser)]
struct Arguments {
    /// Calls one after another, in each round
    #[arg(long, value_name = "N", value_parser = count::<1_000_000>, default_value = "1_500")]
    calls: usize,

    /// Calls of a map
    #[arg(long, value_name = "N", value_parser = count::<10_000_000>, default_value = "100_000")]
    mapped: usize,

    /// Starts in each round
    #[arg(long, value_name = "N", value_parser = count::<10_000>, default_value = "20")]
    starts: usize,

    /// How often each contender runs each experiment
    #[arg(long, value_name = "N", value_parser = count::<1000>, default_value = "7")]
    rounds: usize,

    /// The Python interpreter [default: $PYTHON, else python3]
    #[arg(long, value_name = "PATH")]
    python: Option<PathBuf>,
}

const EXPERIMENTS: [Experiment; 5] = [
    Experiment::Empty,
    Experiment::Large,
    Experiment::Map,
    Experiment::Chunks,
    Experiment::First,
];

/// What carries calls out: its name, its program of this crate (none for Python's script)
/// and its first words.
type Contender = (&'static str, Option<&'static str>, &'static [&'static str]);

const RAW: &str = "the system alone";
const PROCSPAWN: &str = "procspawn";
const PYTHON: &str = "multiprocessing.Pool";

const CONTENDERS: [Contender; 6] = [
    (RAW, Some("calls-raw"), &[]),
    ("process-pool fork", Some("calls-process-pool"), &["fork"]),
    ("process-pool spawn", Some("calls-process-pool"), &["spawn"]),
    (
        "process-pool fork-server",
        Some("calls-process-pool"),
        &["fork-server"],
    ),
    (PROCSPAWN, Some("calls-procspawn"), &[]),
    (PYTHON, None, &[]),
];

/// What is told of an experiment: a line for each contender.
struct Section {
    experiment: Experiment,
    head: &'static str,
    /// The figure of one round, of what it took in seconds for so many calls.
    figure: fn(f64, usize) -> f64,
    unit: &'static str,
    /// Whose figure each is divided by.
    beside: &'static [&'static str],
}

const SECTIONS: [Section; 5] = [
    Section {
        experiment: Experiment::Empty,
        head: "empty call",
        figure: |seconds, calls| seconds * 1e6 / calls as f64,
        unit: "us",
        beside: &[RAW],
    },
    Section {
        experiment: Experiment::Large,
        head: "64 KiB",
        figure: |seconds, calls| seconds * 1e6 / calls as f64,
        unit: "us",
        beside: &[RAW],
    },
    Section {
        experiment: Experiment::Map,
        head: "map",
        figure: |seconds, calls| calls as f64 / seconds / 1e3,
        unit: "calls/ms",
        beside: &[PROCSPAWN, PYTHON],
    },
    Section {
        experiment: Experiment::Chunks,
        head: "in chunks",
        figure: |seconds, calls| calls as f64 / seconds / 1e3,
        unit: "calls/ms",
        beside: &[PYTHON],
    },
    Section {
        experiment: Experiment::First,
        head: "first result",
        figure: |seconds, starts| seconds * 1e3 / starts as f64,
        unit: "ms",
        beside: &[RAW],
    },
];

/// What the table says.
const LEGEND: &str = "\
empty call, 64 KiB: one call after another; the system alone sends the bytes through a
              socketpair, and 8 bytes back
map:          calls of one number each, all at once, to two workers; in chunks: as many
              numbers, a quarter of a worker's share in a call
first result: from before the start of a pool of one worker; the system alone starts a
              program that exits, and waits for its end
figures:      the median of the rounds [least-most]; behind it, the median of the quotients
";

/// The seconds of each round, by contender and experiment.
type Rounds = BTreeMap<(&'static str, &'static str), Vec<f64>>;

/// Whether a contender was skipped.
fn compare(arguments: Arguments) -> Result<bool> {
    running::watch_for_interruptions()?;
    let interpreter = interpreter(arguments.python.clone());
    let python = Python::find(&interpreter, "platform")?;
    let built = Built::build(&["-p", "benches", "--bins", "--release"])?;
    match &python {
        // The version of the module says nothing.
        Ok(python) => println!("{}", python.versions.split(',').next().unwrap_or_default()),
        Err(missing) => println!("{missing}"),
    }
    println!(
        "calls {}, mapped {}, starts {}, rounds {}",
        grouped(arguments.calls),
        grouped(arguments.mapped),
        arguments.starts,
        arguments.rounds
    );
    print!("{LEGEND}");
    io::stdout().flush()?;

    let mut rounds = Rounds::new();
    for _ in 0..arguments.rounds {
        for experiment in EXPERIMENTS {
            for contender in runs(experiment, python.is_ok()) {
                let command = command(contender, &built, &interpreter)?;
                let seconds = measure(
                    contender.0,
                    command,
                    experiment,
                    arguments.count(experiment),
                );
                let key = (contender.0, experiment.word());
                rounds.entry(key).or_default().push(seconds?);
            }
        }
    }
    print!("{}", table(&rounds, &arguments));
    Ok(python.is_err())
}

impl Arguments {
    fn count(&self, experiment: Experiment) -> usize {
        match experiment {
            Experiment::Empty | Experiment::Large => self.calls,
            Experiment::Map | Experiment::Chunks => self.mapped,
            Experiment::First => self.starts,
        }
    }
}

/// The contenders of an experiment. Bytes alone are no calls to map, and chunks are for
/// Python, whose map makes them by itself.
fn runs(experiment: Experiment, has_python: bool) -> impl Iterator<Item = &'static Contender> {
    CONTENDERS.iter().filter(move |(name, program, _)| {
        let maps = matches!(experiment, Experiment::Map | Experiment::Chunks);
        (program.is_some() || has_python)
            && (*name != RAW || !maps)
            && (*name != PROCSPAWN || experiment != Experiment::Chunks)
    })
}

fn command(contender: &Contender, built: &Built, interpreter: &OsString) -> Result<Command> {
    let (_, program, words) = contender;
    let mut command = match program {
        Some(name) => Command::new(built.program(name)?),
        None => {
            let mut command = Command::new(interpreter);
            command.arg(scripts().join("calls.py"));
            command
        }
    };
    command.args(*words);
    Ok(command)
}

/// The seconds that an experiment takes a contender, once.
fn measure(name: &str, mut command: Command, experiment: Experiment, count: usize) -> Result<f64> {
    command.arg(experiment.word()).arg(count.to_string());
    let finished = running::run(command).with_context(|| format!("cannot run {name}"))?;
    finished.check(name)?;
    let took = read_report(&finished.output).with_context(|| format!("of {name}"))?;
    Ok(took.as_secs_f64())
}

/// A line for each contender of each experiment, with its quotients round by round.
fn table(rounds: &Rounds, arguments: &Arguments) -> String {
    let mut table = String::new();
    for section in &SECTIONS {
        let count = arguments.count(section.experiment);
        let of = |name| {
            let seconds = rounds.get(&(name, section.experiment.word()))?;
            let figures = seconds.iter().map(|&took| (section.figure)(took, count));
            Some(figures.collect::<Vec<_>>())
        };
        for (name, ..) in runs(section.experiment, true) {
            let Some(figures) = of(name) else {
                table += &format!("{:<12} {name:<24} skipped\n", section.head);
                continue;
            };
            let spread = Spread::of(figures.iter().copied());
            let told = spread.map_or_else(String::new, |spread| spread.to_string());
            let mut line = format!(
                "{:<12} {name:<24} {told:>19} {:<8}",
                section.head, section.unit
            );
            for other in section.beside.iter().filter(|other| *other != name) {
                let theirs = of(other).unwrap_or_default();
                let quotients = figures
                    .iter()
                    .zip(&theirs)
                    .map(|(ours, theirs)| ours / theirs);
                if let Some(quotient) = Spread::of(quotients) {
                    line += &format!("  {:.3} times {other}", quotient.median);
                }
            }
            table += line.trim_end();
            table.push('\n');
        }
    }
    table
}
