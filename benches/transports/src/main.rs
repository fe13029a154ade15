//! One sum by every transport of the records, this book's and its peers', interleaved on one
//! data file.
//!
//! ```text
//! python3 -m venv venv && venv/bin/pip install numpy loky
//! PYTHON=venv/bin/python cargo run -p transports
//! PYTHON=venv/bin/python cargo run -p transports -- --rounds 5 --json
//! ```
//!
//! Each contender is a program of its own, `src/bin/by-*.rs` or `python/pools.py`, and can be
//! run alone. Two workers sum eight parts of the records; each part is there as a whole
//! before it is summed. Without NumPy or loky the lines of those that need them say so, and
//! this program ends with code 77, "skipped". It checks that every contender found the same
//! exact sum of each part, each time.

mod contenders;
mod measurement;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};
use benches::programs::{Built, Missing, Python, SKIPPED, interpreter};
use benches::running;
use benches::spread::Spread;
use clap::Parser;
use command_line::{count, grouped};
use process_pool::Tasks;
use records::{batches, nansum, require_memory, write_part};
use serde_json::json;
use transports::contender::{Task, processor_seconds};
use transports::{PARTS, WORKERS};

use contenders::{CONTENDERS, Contender, FLOOR, Program, RATIOS, Timed};
use measurement::Measurement;

/// What the table says.
const LEGEND: &str = "\
wall:      from before the workers start until they have ended; for mapped files the whole
           program, from its start to its end; the median of the rounds [least-most]
processor: user and system time of all processes, in the same time
#:         a quarter of the raw socket's time; no bar is longer than ten times that
runs:      in each round every contender in turn, once uncounted and then once counted
";

fn main() -> ExitCode {
    Tasks::new().add(write_part).serve_if_worker();
    let mut skipped = false;
    let code = command_line::run(|arguments| {
        skipped = compare(&arguments)?;
        anyhow::Ok(())
    });
    if skipped {
        ExitCode::from(SKIPPED)
    } else {
        code
    }
}

/// Sums the same records by every transport in turn
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    task: Task,

    /// How often each contender runs and counts, after a round that does not
    #[arg(long, value_name = "N", value_parser = count::<1000>, default_value = "5")]
    rounds: usize,

    /// Print every figure of every round as JSON, in place of the table
    #[arg(long)]
    json: bool,

    /// The Python interpreter, one that has NumPy and loky [default: $PYTHON, else python3]
    #[arg(long, value_name = "PATH")]
    python: Option<PathBuf>,
}

/// What this machine has of what the contenders need.
struct Machine {
    built: Built,
    interpreter: OsString,
    numpy: Result<Python, Missing>,
    loky: Result<Python, Missing>,
    data: PathBuf,
    records: usize,
}

/// What became of one run of a contender.
enum Attempt<'a> {
    Took(Measurement),
    Skipped(&'a Missing),
    Failed(String),
}

/// What became of a contender, in all rounds.
enum Outcome<'a> {
    Ran(Vec<Measurement>),
    Skipped(&'a Missing),
    Failed(String),
}

/// Whether a contender was skipped.
fn compare(arguments: &Arguments) -> Result<bool> {
    running::watch_for_interruptions()?;
    let (records, rounds) = (arguments.task.records, arguments.rounds);
    let expected = expected_sums(&arguments.task)?;
    let machine = Machine::find(arguments)?;
    if !arguments.json {
        println!("{}", machine.versions());
        println!(
            "records {}, workers {WORKERS}, parts {PARTS}, rounds {rounds}",
            grouped(records)
        );
        print!("{LEGEND}");
        // A reader sees what is being compared before it takes its time.
        io::stdout().flush()?;
    }

    let outcomes = measure(&machine, rounds, &expected)?;
    if arguments.json {
        println!("{:#}", in_json(arguments, &outcomes));
    } else {
        print_table(&outcomes, expected.iter().sum());
    }
    let missing = outcomes.iter().find_map(|outcome| match outcome {
        Outcome::Skipped(missing) => Some(missing),
        _ => None,
    });
    match missing {
        // The last line says why a run was skipped; of JSON there is no line after it.
        Some(missing) if arguments.json => eprintln!("{missing}"),
        Some(missing) => println!("{missing}"),
        None => {}
    }
    Ok(missing.is_some())
}

/// The sum of each part, from records that no transport has touched; makes the data file
/// where there is none.
fn expected_sums(task: &Task) -> Result<Vec<u64>> {
    // Python holds the records, and of each part under way the pickle, what is read of it
    // and the copy that nansum makes.
    require_memory(task.records, 3.5)?;
    let records = task.data().open(1.0)?.load()?;
    let parts = batches(records.len(), PARTS);
    Ok(parts.map(|range| nansum(&records[range]) as u64).collect())
}

impl Machine {
    fn find(arguments: &Arguments) -> Result<Self> {
        let interpreter = interpreter(arguments.python.clone());
        let data = arguments.task.data().path();
        Ok(Self {
            numpy: Python::find(&interpreter, "numpy")?,
            loky: Python::find(&interpreter, "loky")?,
            // As those who choose a transport for its speed build it.
            built: Built::build(&["--release", "-p", "transports", "--bins"])?,
            interpreter,
            data: data
                .canonicalize()
                .with_context(|| format!("cannot resolve {}", data.display()))?,
            records: arguments.task.records,
        })
    }

    /// The versions of Python and its modules, as far as they are here.
    fn versions(&self) -> String {
        let found = [&self.numpy, &self.loky].map(|found| found.as_ref().ok());
        let versions: Vec<_> = found
            .iter()
            .flatten()
            .map(|p| p.versions.as_str())
            .collect();
        match versions[..] {
            [] => "no python with numpy or loky".to_owned(),
            _ => versions.join("; "),
        }
    }

    /// The program of `contender` with its words, or what is missing for it.
    fn command(&self, program: Program) -> Result<Result<Command, &Missing>> {
        let (numpy, loky) = (self.numpy.as_ref().err(), self.loky.as_ref().err());
        let (way, missing) = match program {
            Program::Rust(name, words) => {
                let mut command = Command::new(self.built.program(name)?);
                command
                    .args(words)
                    .args(["--records", &self.records.to_string()]);
                command.arg("--data").arg(&self.data);
                return Ok(Ok(command));
            }
            Program::Python(way) => (way, numpy),
            Program::Loky => ("loky", numpy.or(loky)),
        };
        if let Some(missing) = missing {
            return Ok(Err(missing));
        }
        let mut command = Command::new(&self.interpreter);
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/pools.py");
        command.arg(script).arg(way);
        command.args([WORKERS, PARTS].map(|count| count.to_string()));
        command.arg(&self.data);
        Ok(Ok(command))
    }

    /// Runs `contender` once; where its whole program is timed, once more before.
    ///
    /// # Errors
    ///
    /// Where this program is interrupted, or cannot run another one.
    fn attempt(&self, contender: &Contender) -> Result<Attempt<'_>> {
        let runs = match contender.timed {
            Timed::Workers => 1,
            Timed::Program => 2,
        };
        let mut attempt = Attempt::Failed("it was not run".to_owned());
        for _ in 0..runs {
            let command = match self.command(contender.program)? {
                Ok(command) => command,
                Err(missing) => return Ok(Attempt::Skipped(missing)),
            };
            let before = processor_seconds()?;
            let finished = running::run(command)?;
            let processor = processor_seconds()? - before;
            let checked = finished.check(contender.name);
            attempt = match checked.and_then(|()| Measurement::read(&finished.output)) {
                Err(error) => Attempt::Failed(format!("{error:#}")),
                Ok(measured) if contender.timed == Timed::Workers => Attempt::Took(measured),
                Ok(measured) => Attempt::Took(Measurement {
                    wall: finished.wall.as_secs_f64(),
                    processor,
                    ..measured
                }),
            };
        }
        Ok(attempt)
    }
}

/// Runs all contenders in turn, once uncounted and then `rounds` times.
fn measure<'a>(machine: &'a Machine, rounds: usize, expected: &[u64]) -> Result<Vec<Outcome<'a>>> {
    let mut outcomes: Vec<_> = CONTENDERS
        .iter()
        .map(|_| Outcome::Ran(Vec::new()))
        .collect();
    for round in 0..=rounds {
        for step in 0..CONTENDERS.len() {
            // Each round begins elsewhere: no contender always runs after the same one at the
            // same heat of the machine.
            let index = (round * CONTENDERS.len() / (rounds + 1) + step) % CONTENDERS.len();
            let contender = &CONTENDERS[index];
            let Outcome::Ran(measured) = &mut outcomes[index] else {
                continue;
            };
            match machine.attempt(contender)? {
                Attempt::Took(took) => {
                    let (name, found) = (contender.name, &took.sums);
                    ensure!(
                        found == expected,
                        "{name}: expected {expected:?}, found {found:?}"
                    );
                    if round > 0 {
                        measured.push(took);
                    }
                }
                Attempt::Skipped(missing) => outcomes[index] = Outcome::Skipped(missing),
                // A peer that cannot do it here is no reason not to compare the others.
                Attempt::Failed(why) => outcomes[index] = Outcome::Failed(why),
            }
        }
    }
    Ok(outcomes)
}

/// The measurements of the contender of this name, unless it was skipped or failed.
fn rounds_of<'a>(outcomes: &'a [Outcome], name: &str) -> Option<&'a [Measurement]> {
    let index = CONTENDERS
        .iter()
        .position(|contender| contender.name == name)?;
    match &outcomes[index] {
        Outcome::Ran(measured) => Some(measured),
        _ => None,
    }
}

/// The ratios of the wall times of the two contenders of these names, round by round.
fn ratios(outcomes: &[Outcome], of: &str, to: &str) -> Option<Spread> {
    let (of, to) = (rounds_of(outcomes, of)?, rounds_of(outcomes, to)?);
    Spread::of(of.iter().zip(to).map(|(of, to)| of.wall / to.wall))
}

fn milliseconds(measured: &[Measurement], of: fn(&Measurement) -> f64) -> String {
    let spread = Spread::of(measured.iter().map(|one| of(one) * 1000.0));
    spread.map_or_else(String::new, |spread| spread.to_string())
}

fn print_table(outcomes: &[Outcome], sum: u64) {
    println!(
        "{:<28} {:<22} {:<22} of the raw socket's",
        "", "wall ms", "processor ms"
    );
    for (contender, outcome) in CONTENDERS.iter().zip(outcomes) {
        let name = contender.name;
        match outcome {
            Outcome::Ran(measured) => {
                let [wall, processor] = [
                    milliseconds(measured, |one| one.wall),
                    milliseconds(measured, |one| one.processor),
                ];
                print!("{name:<28} {wall:<22} {processor:<22}");
                if let Some(ratio) = ratios(outcomes, name, FLOOR) {
                    let bar = "#".repeat((4.0 * ratio.median).round().clamp(1.0, 40.0) as usize);
                    print!(" {:>6.2} {bar}", ratio.median);
                }
                println!();
            }
            Outcome::Skipped(_) => println!("{name:<28} skipped"),
            Outcome::Failed(why) => println!("{name:<28} fails: {why}"),
        }
    }
    for (of, to) in RATIOS {
        if let Some(ratio) = ratios(outcomes, of, to) {
            println!("{of} / {to} = {ratio}");
        }
    }
    println!("Every one that ran found the same sum of each part in every round, {sum} in all.");
}

fn in_json(arguments: &Arguments, outcomes: &[Outcome]) -> serde_json::Value {
    let contenders = CONTENDERS.iter().zip(outcomes).map(|(contender, outcome)| {
        let name = contender.name;
        match outcome {
            Outcome::Ran(measured) => {
                let all = |of: fn(&Measurement) -> f64| measured.iter().map(of).collect::<Vec<_>>();
                json!({
                    "name": name,
                    "wall_s": all(|one| one.wall),
                    "processor_s": all(|one| one.processor),
                })
            }
            Outcome::Skipped(missing) => json!({"name": name, "skipped": missing.to_string()}),
            Outcome::Failed(why) => json!({"name": name, "failed": why}),
        }
    });
    json!({
        "records": arguments.task.records,
        "workers": WORKERS,
        "parts": PARTS,
        "rounds": arguments.rounds,
        "contenders": contenders.collect::<Vec<_>>(),
    })
}
