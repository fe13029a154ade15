//! What every problem consists of.

use crate::machine::{Machine, World};
use crate::outputs::Outputs;

/// A program, what is asked of it, and what is right.
pub struct Problem {
    /// Its kind, seed and level.
    pub title: String,
    /// The program, in Rust.
    pub program: String,
    /// What to answer before it runs.
    pub questions: Vec<String>,
    /// What is right, as the model has it: lines.
    pub answer: Vec<String>,
    /// All that it may print.
    pub outputs: Outputs,
}

/// A list of all outputs is as long as that, at most.
pub const LISTED: u128 = 24;

/// A problem of more states than that is drawn again: its model would take too long.
pub const MOST_STATES: usize = 20_000;

/// The outputs in words: all of them, or else how many, and which lines have an order.
pub fn in_words(outputs: &Outputs) -> Vec<String> {
    let count = outputs.count();
    let told = command_line::grouped(count as usize);
    if count > LISTED {
        let mut words = vec![format!(
            "{told} outputs are possible. In each of them a line comes before those to its right:"
        )];
        words.extend(outputs.orders().iter().map(|(line, after)| {
            let after: Vec<&str> = after.iter().map(String::as_str).collect();
            format!("  {line} < {}", after.join(", "))
        }));
        return words;
    }
    let all = outputs.all();
    let first = &all[0];
    let same = (0..first.len())
        .take_while(|at| all.iter().all(|lines| lines.get(*at) == first.get(*at)))
        .count();
    let begins = match same {
        0 => "",
        _ => ". Each begins",
    };
    let mut words = vec![format!("{told} outputs are possible{begins}:")];
    if same > 0 {
        words.push(format!("  {}", first[..same].join(" | ")));
        words.push("and goes on".to_owned());
    }
    words.extend(
        all.iter()
            .map(|lines| format!("  {}", lines[same..].join(" | "))),
    );
    words
}

/// The outputs, and one run with the reason of each line.
pub fn with_reasons<W: World>(outputs: &Outputs, machine: &Machine<W>) -> Vec<String> {
    let mut words = Vec::new();
    if outputs.count() == 1 {
        words.push("One output is possible. Its lines, and why they come:".to_owned());
    } else {
        words.extend(in_words(outputs));
        words.push("One of them, and why its lines come:".to_owned());
    }
    words.extend(machine.told());
    words
}
