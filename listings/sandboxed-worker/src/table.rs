//! Attempts by sandboxes, as lines of a table.

use std::io;

use crate::attack::Attempt;
use crate::sandbox::Layer;
use crate::service::Start;
use crate::trial::{self, Outcome};

/// Prints the names of the attempts.
pub fn heading(columns: &[Attempt]) {
    let names = columns.iter().map(|attempt| format!("{attempt:<8}"));
    println!("{:<12}{}", "", names.collect::<String>().trim_end());
}

/// Makes all attempts, each on a new worker with these layers, and prints what came of them;
/// whether there are such layers here.
///
/// # Errors
///
/// Where a service fails.
pub fn row(name: &str, columns: &[Attempt], layers: &[Layer], start: Start) -> io::Result<bool> {
    let mut outcomes = String::new();
    for &attempt in columns {
        match trial::attempt(attempt, layers, start)? {
            Outcome::Unavailable(why) => {
                println!("{name:<12}not available here: {why}");
                return Ok(false);
            }
            outcome => outcomes += &format!("{outcome:<8}"),
        }
    }
    println!("{name:<12}{}", outcomes.trim_end());
    Ok(true)
}
