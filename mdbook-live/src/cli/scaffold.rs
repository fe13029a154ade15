//! `mdbook-live init` and `mdbook-live new`.

use std::io::Write;
use std::path::Path;

use anyhow::Result;
use clap::Args;

use super::exit_status::{ExitStatus, UsageError};
use super::terminal::Terminal;
use crate::book::listing::{Book, RunRef, Size};
use crate::book::program::CargoVerb;
use crate::run::session::Session;
use crate::run::stop::Stop;
use crate::text::words::shell_word;
use crate::verbs::record::{self, RecordOptions};
use crate::verbs::scaffold::{self, Kind};

/// What a new listing is.
#[derive(Debug, Clone, Args)]
pub(super) struct NewOptions {
    /// Its name: its folder, as the globs of book.toml find it
    #[arg(value_name = "LISTING")]
    name: String,
    /// What cargo does, where what it says belongs to the run: run, test, build, check or clippy
    #[arg(long, value_name = "VERB", value_parser = verb)]
    cargo: Option<CargoVerb>,
    /// Another program, and its arguments, in place of a Cargo package
    #[arg(long, value_name = "WORD", num_args = 1.., conflicts_with = "cargo", allow_hyphen_values = true)]
    command: Vec<String>,
}

fn verb(name: &str) -> Result<CargoVerb, String> {
    CargoVerb::named(name).ok_or_else(|| "expected run, test, build, check or clippy".to_owned())
}

/// Writes a book, and records its runs.
pub(super) fn init(folder: Option<&Path>, out: &mut dyn Write) -> Result<ExitStatus> {
    let here = Path::new(".");
    if folder.is_none() && !scaffold::is_empty(here)? {
        let expected = "expected a new one: mdbook-live init my-book";
        return Err(UsageError(format!("this folder is not empty; {expected}")).into());
    }
    let folder = folder.unwrap_or(here);
    let terminal = Terminal::of_stdout();
    let files = scaffold::init(folder)?;
    writeln!(out, "{}", terminal.strong("Written:"))?;
    for file in files {
        writeln!(out, "    {}", folder.join(file).display())?;
    }
    out.flush()?;
    let book = Book::open(&folder.canonicalize()?)?;
    let session = Session::new(&book, Stop::default());
    let runs: Vec<RunRef<'_>> = book.runs().collect();
    let how = RecordOptions {
        of: Some(1),
        keep_broken: false,
    };
    let mut well = true;
    let recorded = record::record(&session, &runs, how, &mut |_| {})?;
    for listing in &book.listings {
        let lock = listing.dir.join("Cargo.lock");
        if lock.is_file() {
            writeln!(out, "    {}", folder.join(book.relative(&lock)).display())?;
        }
    }
    for recorded in recorded {
        let path = recorded.run.record_path(Size::Recorded);
        let path = folder.join(book.relative(&path));
        well &= recorded.written;
        match recorded.faults.first() {
            None => writeln!(out, "    {}", path.display())?,
            Some(fault) => {
                let name = recorded.run.full_name();
                writeln!(out, "{}", terminal.bad(&format!("✘ {name}: {fault}")))?;
            }
        }
    }
    let go = match folder {
        folder if folder == Path::new(".") => String::new(),
        folder => format!("cd {}; ", shell_word(&folder.display().to_string())),
    };
    writeln!(out, "Next: {go}mdbook-live check; mdbook-live serve")?;
    Ok(ExitStatus::of(well))
}

/// Writes a listing, and says what comes next.
pub(super) fn new(root: &Path, options: &NewOptions, out: &mut dyn Write) -> Result<ExitStatus> {
    let terminal = Terminal::of_stdout();
    let kind = match options.cargo {
        Some(verb) => Kind::Cargo(verb),
        None if !options.command.is_empty() => {
            let words = options.command.iter().skip_while(|word| *word == "--");
            Kind::Command(words.cloned().collect())
        }
        None => Kind::Program,
    };
    let written = scaffold::new_listing(root, &options.name, &kind)?;
    let book = Book::open(root)?;
    writeln!(out, "{}", terminal.strong("Written:"))?;
    for file in &written.files {
        let path = written.folder.join(file);
        writeln!(out, "    {}", book.relative(&path).display())?;
    }
    let name = &options.name;
    let run = book.listing(name).and_then(|listing| listing.runs.first());
    let run = run.map_or("run", |run| &run.name);
    writeln!(
        out,
        "Next: write the program; mdbook-live record {name}/{run}"
    )?;
    writeln!(out, "To show it, in a chapter that SUMMARY.md names:\n")?;
    let script = match &kind {
        // What it runs may be a file of the listing that is yet to be written.
        Kind::Command(words) => words.iter().skip(1).find(|word| word.contains('.')),
        Kind::Program | Kind::Cargo(_) => None,
    };
    if let Some(source) = written.source.or(script.map(String::as_str)) {
        writeln!(out, "{{{{#listing {name}/{source}}}}}\n")?;
    }
    writeln!(out, "{{{{#run {name}/{run}}}}}")?;
    Ok(ExitStatus::Success)
}
