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

const RAW: &str = "socketpair, Command";
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

/// What is told of an experiment.
struct Column {
    experiment: Experiment,
    head: &'static str,
    /// The figure of one round, of what it took in seconds for so many calls.
    figure: fn(f64, usize) -> f64,
}

const COLUMNS: [Column; 5] = [
    Column {
        experiment: Experiment::Empty,
        head: "empty call, us",
        figure: |seconds, calls| seconds * 1e6 / calls as f64,
    },
    Column {
        experiment: Experiment::Large,
        head: "64 KiB, us",
        figure: |seconds, calls| seconds * 1e6 / calls as f64,
    },
    Column {
        experiment: Experiment::Map,
        head: "map, calls a ms",
        figure: |seconds, calls| calls as f64 / seconds / 1e3,
    },
    Column {
        experiment: Experiment::Chunks,
        head: "in chunks, calls a ms",
        figure: |seconds, calls| calls as f64 / seconds / 1e3,
    },
    Column {
        experiment: Experiment::First,
        head: "first result, ms",
        figure: |seconds, starts| seconds * 1e3 / starts as f64,
    },
];

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
    print!("{}", ratios(&rounds));
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

/// A line for each contender.
fn table(rounds: &Rounds, arguments: &Arguments) -> String {
    let mut table = format!("{:<25}", "");
    for column in &COLUMNS {
        table += &format!(" {:>22}", column.head);
    }
    table.push('\n');
    for (name, ..) in CONTENDERS {
        if !rounds.keys().any(|(of, _)| *of == name) {
            table += &format!("{name:<25} skipped\n");
            continue;
        }
        let mut line = format!("{name:<25}");
        for column in &COLUMNS {
            let calls = arguments.count(column.experiment);
            let seconds = rounds.get(&(name, column.experiment.word()));
            let figures = seconds.into_iter().flatten();
            let spread = Spread::of(figures.map(|&seconds| (column.figure)(seconds, calls)));
            let told = spread.map_or("-".to_owned(), |spread| spread.to_string());
            line += &format!(" {told:>22}");
        }
        table += line.trim_end();
        table.push('\n');
    }
    table
}

/// This book's pool beside the others, round by round.
fn ratios(rounds: &Rounds) -> String {
    let mut told = String::new();
    let mut tell = |what: &str, other: &'static str, experiment: Experiment, faster: bool| {
        for (name, ..) in CONTENDERS {
            let of = |contender| rounds.get(&(contender, experiment.word()));
            let (true, Some(ours), Some(theirs)) =
                (name.starts_with("process-pool"), of(name), of(other))
            else {
                continue;
            };
            let ratio = |(ours, theirs): (&f64, &f64)| {
                if faster { theirs / ours } else { ours / theirs }
            };
            if let Some(ratio) = Spread::of(ours.iter().zip(theirs).map(ratio)) {
                told += &format!("{what:<16} {name:<25} {ratio:>20} times {other}\n");
            }
        }
    };
    tell("empty call takes", RAW, Experiment::Empty, false);
    tell("64 KiB takes", RAW, Experiment::Large, false);
    tell("first result", RAW, Experiment::First, false);
    for other in [PROCSPAWN, PYTHON] {
        tell("map is as fast", other, Experiment::Map, true);
    }
    tell("chunks as fast", PYTHON, Experiment::Chunks, true);
    told
}
