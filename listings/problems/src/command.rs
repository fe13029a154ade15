//! The command line of each kind of problem.

use std::error::Error;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};

use crate::problem::Problem;

/// Writes a small program, asks what it does, and knows the answer
#[derive(Parser)]
struct Arguments {
    /// Which problem; by default one is drawn, and told
    #[arg(long)]
    seed: Option<u64>,
    /// How hard it is, from 1 to 3
    #[arg(long, default_value = "1", value_parser = clap::value_parser!(u8).range(1..=3))]
    level: u8,
    /// What to print, or to do
    #[arg(default_value = "program")]
    what: What,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// The program, in Rust
    Program,
    /// What to answer before you run it
    Question,
    /// What is right
    Answer,
    /// Reads an output from standard input: may the program print that?
    Verify,
}

/// Runs the program of one kind of problem: `make` makes one of a seed and a level.
pub fn run(make: fn(u64, u8) -> Problem) -> ExitCode {
    command_line::run(|arguments| answer(arguments, make))
}

fn answer(
    Arguments { seed, level, what }: Arguments,
    make: fn(u64, u8) -> Problem,
) -> Result<(), Box<dyn Error>> {
    let seed = match seed {
        Some(seed) => seed,
        None if what == What::Verify => {
            return Err("expected --seed: which problem is the output of?".into());
        }
        None => {
            // The standard library draws the key of each of these at random.
            let seed = RandomState::new().hash_one(0) % 10_000;
            eprintln!("seed {seed}");
            seed
        }
    };
    let problem = make(seed, level);
    match what {
        What::Program => print!("{}", problem.program),
        What::Question => {
            println!("{}", problem.title);
            for (number, question) in (1..).zip(&problem.questions) {
                println!("{number}. {question}");
            }
        }
        What::Answer => {
            println!("{}", problem.title);
            for line in &problem.answer {
                println!("{line}");
            }
        }
        What::Verify => {
            let mut output = String::new();
            io::stdin().read_to_string(&mut output)?;
            let lines = output.lines().map(str::trim_end);
            problem
                .outputs
                .allow(lines.filter(|line| !line.is_empty()))?;
            match problem.outputs.count() {
                1 => println!("possible, and the only output"),
                count => println!("possible: one of {count} outputs"),
            }
        }
    }
    Ok(())
}
