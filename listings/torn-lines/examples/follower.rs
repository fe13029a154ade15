//! A solution: a reader that looks at a log while a line is being written.

use std::error::Error;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use process_pool::{Pool, StartMethod, Tasks};
use torn_lines::Lines;

// ANCHOR: solution
/// The task: each line is appended by one write.
fn write_lines((path, lines): (PathBuf, Lines)) -> Result<(), String> {
    let line = lines.line();
    let write = || {
        let mut log = File::options().append(true).open(path)?;
        (0..lines.count).try_for_each(|_| log.write_all(&line))
    };
    write().map_err(|error: std::io::Error| error.to_string())
}

fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let log = tempfile::NamedTempFile::new()?;
    let pool = Pool::builder(StartMethod::Spawn).workers(1).start()?;
    let lines = Lines {
        letter: b'A',
        bytes: arguments.mib << 20,
        count: arguments.lines,
    };
    let end = lines.bytes * lines.count;
    let writing = pool.submit(write_lines, (log.path().to_owned(), lines))?;
    let (mut between, mut within) = (0, 0);
    loop {
        match usize::try_from(log.as_file().metadata()?.len())? {
            length if length == end => break,
            length if length % lines.bytes == 0 => between += 1,
            _ => within += 1,
        }
    }
    writing.wait()??;
    println!("The file ended with a line at {between} looks, and within one at {within}");
    Ok(())
}
// ANCHOR_END: solution

fn main() -> ExitCode {
    Tasks::new().add(write_lines).serve_if_worker();
    command_line::run(run)
}

/// Looks at a log while another process appends long lines to it
#[derive(Parser)]
struct Arguments {
    /// MiB of a line
    #[arg(long, default_value = "16", value_parser = command_line::count::<1024>)]
    mib: usize,

    /// Lines
    #[arg(long, default_value = "6", value_parser = command_line::count::<1024>)]
    lines: usize,
}
