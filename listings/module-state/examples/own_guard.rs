//! A solution: a worker knows itself by a variable, and does not pass the guard.

use std::env;
use std::io::{self, Write};
use std::process::{self, Child, Command, ExitCode, Stdio};

// ANCHOR: solution
const WORKER: &str = "BOOK_WORKER";

fn main() -> ExitCode {
    // The guard: what follows it is the parent's alone.
    let done = if env::var_os(WORKER).is_some() {
        serve()
    } else {
        collect().map(|list| {
            for entry in list {
                println!("list: {entry}");
            }
        })
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A worker's part: an update for each number, until the parent closes the input.
fn serve() -> io::Result<()> {
    for number in io::stdin().lines() {
        println!("{}", update(&number?));
    }
    Ok(())
}
// ANCHOR_END: solution

/// What a worker prints for each number in its standard input, a line each.
fn update(number: &str) -> String {
    format!("update {number} by process {}", process::id())
}

/// Sends three numbers to each of two workers, and collects what they print.
fn collect() -> io::Result<Vec<String>> {
    let mut list = vec![update("0")];
    let mut workers = [spawn_worker()?, spawn_worker()?];
    for number in 1..=6 {
        if let Some(input) = &mut workers[number % 2].stdin {
            writeln!(input, "{number}")?;
        }
    }
    for worker in workers {
        // Closes the worker's input first.
        let output = worker.wait_with_output()?;
        if !output.status.success() {
            let end = format!("a worker ended with {}", output.status);
            return Err(io::Error::other(end));
        }
        let lines = String::from_utf8_lossy(&output.stdout);
        list.extend(lines.lines().map(str::to_owned));
    }
    Ok(list)
}

/// Starts this program anew, as a worker.
fn spawn_worker() -> io::Result<Child> {
    Command::new("/proc/self/exe")
        .env(WORKER, "yes")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
}
