//! One log file, written by a parent and by its two workers.

use std::error::Error;
use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::OnceLock;

use clap::Parser;
use process_pool::{Pool, StartMethod, Tasks};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use torn_lines::{Lines, Tally};

/// Where a worker's lines go.
#[derive(Clone, Serialize, Deserialize)]
struct Log {
    path: PathBuf,
    append: bool,
}

// ANCHOR: log
/// This process's log file. Its first line opens it.
static FILE: OnceLock<File> = OnceLock::new();

impl Log {
    fn write(&self, line: &[u8]) -> io::Result<()> {
        let mut file = match FILE.get() {
            Some(file) => file,
            None => FILE.get_or_init(|| self.open().expect("the log can be opened")),
        };
        file.write_all(line)
    }

    fn open(&self) -> io::Result<File> {
        if self.append {
            File::options().create(true).append(true).open(&self.path)
        } else {
            File::create(&self.path)
        }
    }
}

/// The task: as many lines as it is asked for, each by one write.
fn write_lines((log, lines): (Log, Lines)) -> Result<(), String> {
    let line = lines.line();
    for _ in 0..lines.count {
        log.write(&line).map_err(|error| error.to_string())?;
    }
    Ok(())
}
// ANCHOR_END: log

fn main() -> ExitCode {
    Tasks::new().add(write_lines).serve_if_worker();
    command_line::run(run)
}

// ANCHOR: run
fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let folder = TempDir::new()?;
    let log = Log {
        path: folder.path().join("service.log"),
        append: arguments.append,
    };
    let [of_parent, of_workers @ ..] = LINES;
    write_lines((log.clone(), of_parent))?;
    let pool = Pool::builder(arguments.method).workers(2).start()?;
    pool.map(write_lines, of_workers.map(|lines| (log.clone(), lines)))?
        .into_iter()
        .collect::<Result<(), String>>()?;
    drop(pool);
    count(&log.path)
}

fn count(path: &Path) -> Result<(), Box<dyn Error>> {
    let arrived = Tally::of(BufReader::new(File::open(path)?), &LINES)?;
    println!("{arrived}");
    let written: usize = LINES.iter().map(|lines| lines.count).sum();
    if arrived.whole() < written {
        return Err(format!(
            "expected {written} lines in the log, found {}",
            arrived.whole()
        )
        .into());
    }
    Ok(())
}
// ANCHOR_END: run

/// What the parent writes, and what each of its workers does.
const LINES: [Lines; 3] = [
    lines(b'P', 100, 10),
    lines(b'A', 12_000, 2_000),
    lines(b'B', 9_000, 2_000),
];

const fn lines(letter: u8, bytes: usize, count: usize) -> Lines {
    Lines {
        letter,
        bytes,
        count,
    }
}

/// Has a parent and its two workers write lines into one file, and counts them
#[derive(Parser)]
struct Arguments {
    /// How the workers come to be: fork, spawn or fork-server
    #[arg(default_value = "spawn")]
    method: StartMethod,

    /// Open the file for appending (O_APPEND)
    #[arg(long)]
    append: bool,
}
