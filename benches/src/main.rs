//! The book's listings beside Python programs of the same task, interleaved on one
//! data file.
//!
//! ```text
//! python3 -m venv venv && venv/bin/pip install numpy
//! PYTHON=venv/bin/python cargo run -p benches
//! PYTHON=venv/bin/python cargo run -p benches -- --records 2_000_000 --rounds 1
//! ```
//!
//! The Python programs are in `benches/python` and need NumPy; each can be run alone.
//! Without NumPy this program says so and ends with code 77, "skipped". It checks
//! that every program found the same exact sum, each time.
//!
//! Three kinds of pairs: the *same way* of the records to the workers in both languages,
//! though not the same code; an *other design* in Rust, as whole programs; and *Python alone*, which tells how much of the second
//! kind is the design and not the language.

mod measurement;
mod pairs;
mod peers;

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread::available_parallelism;

use anyhow::{Result, bail};
use benches::programs::{Python, SKIPPED, interpreter};
use benches::running;
use clap::Parser;
use command_line::{count, grouped};
use records::{MOST_RECORDS, MOST_WORKERS};

use measurement::Measurement;
use pairs::{Pair, Program, pairs, programs};
use peers::Peers;

/// What the table says.
const LEGEND: &str = "\
times:  median of the rounds [least-most]; a ratio is the median of the rounds' own ratios
timer:  from before the workers start until they have ended; not the loading, nor the copy
        into shared memory, unless the name says with-copy; both languages trace alike
        sequential: a pass over data that was read before, the median of five in each run
wall:   the whole program, from its start to its exit: other design, python-shared-vs-map
";

const WARM: &str = "in each round every program in turn, once uncounted and then once counted";
const COLD: &str = "in each round every program in turn, once";

fn main() -> ExitCode {
    let mut skipped = false;
    let code = command_line::run(|arguments| {
        skipped = compare(arguments)? == Outcome::Skipped;
        anyhow::Ok(())
    });
    if skipped {
        ExitCode::from(SKIPPED)
    } else {
        code
    }
}

#[derive(PartialEq)]
enum Outcome {
    Compared,
    Skipped,
}

fn compare(arguments: Arguments) -> Result<Outcome> {
    running::watch_for_interruptions()?;
    let python = match Python::find(&interpreter(arguments.python), "numpy")? {
        Ok(python) => python,
        Err(missing) => {
            println!("{missing}");
            return Ok(Outcome::Skipped);
        }
    };
    let pairs = pairs(&arguments.workers);
    let programs = programs(&pairs);

    let (records, rounds) = (arguments.records, arguments.rounds);
    println!("cpu {}", cpu());
    println!("cores {}", available_parallelism()?);
    println!("{}", python.versions);
    println!("records {}, rounds {rounds}", grouped(records));
    print!("{LEGEND}");
    println!("runs:   {}", if arguments.cold { COLD } else { WARM });
    // Whoever reads along sees what is being compared, before it takes its time.
    io::stdout().flush()?;

    progress("building the listings, making the data");
    let least_workers = arguments.workers.iter().copied().min().unwrap_or(4);
    let peers = Peers::prepare(python, records, arguments.data, least_workers)?;
    let measured = measure(&peers, &programs, rounds, arguments.cold)?;
    progress("");

    let sum = same_sum(&programs, &measured)?;
    for line in pairs
        .iter()
        .filter_map(|pair| line(pair, &programs, &measured))
    {
        println!("{line}");
    }
    println!(
        "Every program found the same sum in every round: {sum}, {} counted runs.",
        programs.len() * rounds
    );
    Ok(Outcome::Compared)
}

/// What each of `programs` measured, round by round, in their order.
fn measure(
    peers: &Peers,
    programs: &[Program],
    rounds: usize,
    cold: bool,
) -> Result<Vec<Vec<Measurement>>> {
    // The file comes into the page cache, and the interpreter, before anything counts.
    for program in programs.iter().filter(|p| p.way == pairs::Way::Sequential) {
        peers.measure(*program)?;
    }
    let mut measured = vec![Vec::with_capacity(rounds); programs.len()];
    for round in 0..rounds {
        // Each round begins elsewhere: no program always runs after the same one
        // at the same heat of the machine.
        let first = round * programs.len() / rounds;
        for step in 0..programs.len() {
            let index = (first + step) % programs.len();
            progress(&format!(
                "round {} of {rounds}, program {} of {}: {}",
                round + 1,
                step + 1,
                programs.len(),
                programs[index]
            ));
            // What the program before has just freed is dear to touch again where a
            // virtual machine gives free memory back to its host: after the largest
            // of these programs the next took up to five times as long. So each
            // finds the memory as it leaves it itself.
            if !cold {
                peers.measure(programs[index])?;
            }
            measured[index].push(peers.measure(programs[index])?);
        }
    }
    Ok(measured)
}

/// The sum that every program found in every round.
fn same_sum(programs: &[Program], measured: &[Vec<Measurement>]) -> Result<u64> {
    let mut runs = programs.iter().zip(measured).flat_map(|(program, rounds)| {
        let numbered = rounds.iter().enumerate();
        numbered.map(move |(round, measurement)| (program, round + 1, measurement.sum))
    });
    let Some((first, _, expected)) = runs.next() else {
        bail!("nothing was run");
    };
    match runs.find(|&(.., sum)| sum != expected) {
        None => Ok(expected),
        Some((program, round, sum)) => bail!(
            "the sums differ: {program} found {sum} in round {round}, {first} found {expected}"
        ),
    }
}

/// The line of `pair` in the table.
fn line(pair: &Pair, programs: &[Program], measured: &[Vec<Measurement>]) -> Option<String> {
    let rounds_of = |program| {
        let index = programs.iter().position(|&p| p == program)?;
        measured.get(index)
    };
    let (of, to) = (rounds_of(pair.of.1)?, rounds_of(pair.to.1)?);
    let rounds: Vec<_> = of.iter().copied().zip(to.iter().copied()).collect();
    pair.line(&rounds)
}

/// Shows what is under way to a person who waits, and to nobody else.
fn progress(what: &str) {
    let mut stderr = io::stderr();
    if stderr.is_terminal() {
        // In place of what stood in this line before. A terminal that is gone is
        // no reason to stop.
        let _ = write!(stderr, "\r\x1b[K{what}");
        let _ = stderr.flush();
    }
}

/// The processor's name, as the system tells it.
fn cpu() -> String {
    let known = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = known.lines().find_map(|line| {
        let (key, name) = line.split_once(':')?;
        (key.trim() == "model name").then(|| name.trim().to_string())
    });
    name.unwrap_or_else(|| std::env::consts::ARCH.to_string())
}

/// Puts the book's listings side by side with Python programs of the same task
#[derive(Parser)]
struct Arguments {
    /// Records to sum
    #[arg(long, value_name = "N", value_parser = count::<MOST_RECORDS>, default_value = "20_000_000")]
    records: usize,

    /// How often each program runs
    #[arg(long, value_name = "N", value_parser = count::<1000>, default_value = "5")]
    rounds: usize,

    /// Count the first run of a program in a round, not the second: what it takes then
    /// depends on the program before it
    #[arg(long)]
    cold: bool,

    /// Compare every pair at each of these numbers of workers [default: 4 or 8, as the
    /// pair's name says]
    #[arg(long, value_name = "N", value_parser = count::<MOST_WORKERS>, num_args = 1..)]
    workers: Vec<usize>,

    /// The data file, made where there is none [default: in target/data of the
    /// workspace]
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,

    /// The Python interpreter, one that has NumPy [default: $PYTHON, else python3]
    #[arg(long, value_name = "PATH")]
    python: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(sum: u64) -> Measurement {
        Measurement {
            total: 1.0,
            copy: None,
            wall: 1.0,
            sum,
        }
    }

    #[test]
    fn a_sum_that_differs_is_told_with_its_program_and_round() {
        let programs = &programs(&pairs(&[]))[..2];
        let same = [vec![found(7), found(7)], vec![found(7), found(7)]];
        assert_eq!(same_sum(programs, &same).expect("the same"), 7);
        let other = [vec![found(7), found(7)], vec![found(7), found(8)]];
        let error = same_sum(programs, &other).expect_err("differs").to_string();
        assert_eq!(
            error,
            "the sums differ: data-sink fork --workers 4 found 8 in round 2, \
             pickle_pool.py fork 4 found 7"
        );
    }
}
