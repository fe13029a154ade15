//! What every problem consists of.

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
    let mut words = Vec::new();
    if count == 1 {
        words.push("One output is possible:".to_owned());
    } else {
        words.push(format!(
            "{} outputs are possible:",
            command_line::grouped(count as usize)
        ));
    }
    if count <= LISTED {
        let all = outputs.all();
        words.extend(
            all.into_iter()
                .map(|lines| format!("  {}", lines.join(" | "))),
        );
    } else {
        words.push("In each of them a line comes before those to its right:".to_owned());
        let orders = outputs.orders();
        let in_text = orders.iter().map(|(line, after)| {
            let after: Vec<&str> = after.iter().map(String::as_str).collect();
            format!("  {line} < {}", after.join(", "))
        });
        words.extend(in_text);
    }
    words
}
