//! What a forked child of Python copies although it only reads.

use std::env;
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, ExitCode};

use clap::Parser;

/// Forks children of a Python program that read its objects, and its array
#[derive(Parser)]
struct Arguments {
    /// How many numbers the parent has
    #[arg(long, default_value = "1_000_000", value_parser = command_line::count::<100_000_000>)]
    count: usize,
}

/// The exit code of what was skipped, as Automake's test driver takes it.
const SKIPPED: u8 = 77;

fn main() -> ExitCode {
    let mut skipped = false;
    let code = command_line::run(|arguments: Arguments| -> Result<(), String> {
        let python = env::var_os("PYTHON").unwrap_or_else(|| "python3".into());
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/reading_writes.py");
        let mut command = Command::new(&python);
        command.arg(program).arg(arguments.count.to_string());
        match command.status() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("Python ended with {status}")),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                skipped = true;
                println!(
                    "skipped: there is no {}; PYTHON=… names another Python",
                    python.display()
                );
                Ok(())
            }
            Err(error) => Err(format!("cannot start {}: {error}", python.display())),
        }
    });
    if skipped {
        ExitCode::from(SKIPPED)
    } else {
        code
    }
}
