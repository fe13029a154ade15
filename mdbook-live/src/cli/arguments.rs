//! The arguments of every verb.

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use super::report::ReportOptions;
use super::scaffold::NewOptions;
use super::serve::ServeOptions;

/// Runs, records, checks and serves the listings of a book
#[derive(Debug, Parser)]
#[command(version, about)]
pub(super) struct Arguments {
    /// The book's folder; else the nearest one upwards that has a book.toml
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) root: Option<PathBuf>,
    #[command(subcommand)]
    pub(super) verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Build the book, serve it, rebuild on change (the default)
    Serve(ServeOptions),
    /// Build the book
    Build {
        /// Where to put it, instead of where book.toml says
        #[arg(long, value_name = "DIR")]
        dest: Option<PathBuf>,
        /// Leave the solutions of the exercises out
        #[arg(long)]
        without_solutions: bool,
        /// Make every run at its quick size, and show it in the Live columns
        #[arg(long, conflicts_with = "without_solutions")]
        live: bool,
        /// Make the whole book a PDF beside the pages, by Chromium
        ///
        /// It is A4, with an outline, a title, contents and page numbers, and with the whole
        /// files of listings.
        #[arg(long)]
        pdf: bool,
        /// Make the whole book an EPUB beside the pages, by pandoc
        ///
        /// It has a file for each chapter, contents of chapters and sections, and a cover.
        #[arg(long)]
        epub: bool,
    },
    /// Write a book with one listing, recorded
    Init {
        /// Its folder [default: this one, where it is empty]
        #[arg(value_name = "DIR")]
        folder: Option<PathBuf>,
    },
    /// Write a listing
    New(NewOptions),
    /// List the runs and their records
    List {
        /// Answer in JSON
        #[arg(long)]
        json: bool,
    },
    /// Run a run at its quick size, compare it with its record, and judge its claims
    Run {
        /// LISTING/RUN
        run: String,
        /// Run it at the size of its record
        #[arg(long)]
        recorded_size: bool,
        /// Answer in JSON
        #[arg(long)]
        json: bool,
    },
    /// Run at quick size, judge the claims, compare with the records
    Check {
        /// Leave the counter-runs out: do not ask whether the claims have been seen to fail
        #[arg(long)]
        claims_only: bool,
        /// Treat warnings as failures, a run without a record among them
        #[arg(long)]
        strict: bool,
        /// Build and run with another compiler, as rustup names it, and show what changes;
        /// counter-runs are left out
        #[arg(long, value_name = "NAME")]
        toolchain: Option<String>,
        /// Answer in JSON
        #[arg(long)]
        json: bool,
        /// LISTING/RUN, LISTING, or a folder of listings; none is all
        #[arg(value_name = "RUN")]
        runs: Vec<String>,
    },
    /// Break the programs as the listings' patches say, and see whether each claim notices
    Falsify {
        /// LISTING/RUN, LISTING, or a folder of listings; none is all
        #[arg(value_name = "RUN")]
        runs: Vec<String>,
    },
    /// Run at the recorded size and write the records
    Record {
        /// LISTING/RUN, LISTING, or a folder of listings; none is all
        #[arg(value_name = "RUN")]
        runs: Vec<String>,
        /// Make each run N times after a warm-up, N being odd, and keep the one with the median of
        /// its `rank_by` figure [default: 1 for cargo and other commands, 7 for plain runs recorded
        /// with a run that a claim or chart compares them with, else 3]
        #[arg(long, value_name = "N", value_parser = odd)]
        of: Option<usize>,
        /// Write a record also when the run failed or broke a claim
        #[arg(long)]
        keep_broken: bool,
    },
    /// Show what differs from its record, old beside new, and ask whether to keep the new one
    Review {
        /// LISTING/RUN, LISTING, or a folder of listings; none is all
        #[arg(value_name = "RUN")]
        runs: Vec<String>,
    },
    /// Read text files that begin with their command, as in `$ cargo run`, into records
    Import {
        /// None is all that book.toml calls `text`
        #[arg(value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Write records as text files that begin with their command
    Export {
        /// LISTING/RUN, LISTING, or a folder of listings; none is all
        #[arg(value_name = "RUN")]
        runs: Vec<String>,
    },
    /// Judge your version of an exercise's program, or list or pack the exercises
    #[command(args_conflicts_with_subcommands = true)]
    Exercise {
        /// EXERCISE, or LISTING/EXERCISE
        #[arg(value_name = "EXERCISE", required = true)]
        name: Option<String>,
        /// Write a fresh program by this seed, where the exercise is made anew for each
        #[arg(long, value_name = "N")]
        seed: Option<u64>,
        /// How hard the fresh program is [default: as the exercise]
        #[arg(long, value_name = "1..3", requires = "seed", value_parser = clap::value_parser!(u8).range(1..=3))]
        level: Option<u8>,
        /// Run the program of the seed, and tell what is right
        #[arg(long, requires = "seed")]
        answer: bool,
        /// Answer in JSON, for a grader
        #[arg(long, global = true)]
        json: bool,
        #[command(subcommand)]
        what: Option<Exercises>,
    },
    /// Report what this machine makes of the claims: a file for the book's page of machines
    Report(ReportOptions),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print this program's man page
    Man,
    /// Expand a book's directives: mdBook calls this, with the book on standard input
    Preprocess {
        #[command(subcommand)]
        question: Option<Question>,
    },
}

/// What concerns all exercises.
#[derive(Debug, Subcommand)]
pub(super) enum Exercises {
    /// List the exercises, and how far you are
    List,
    /// Put the book's sources without the solutions into a zip, for a class
    Pack {
        /// The file to write
        #[arg(long, value_name = "FILE")]
        dest: PathBuf,
    },
}

/// What mdBook asks a preprocessor: it appends this to the command of `book.toml`.
#[derive(Debug, Subcommand)]
pub(super) enum Question {
    /// Tell whether a renderer is supported
    Supports {
        /// As in [output.RENDERER]
        renderer: String,
    },
}

/// A number of runs that has a median among them.
fn odd(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if number % 2 == 1 && number < 100 => Ok(number),
        _ => Err("expected an odd number up to 99".to_owned()),
    }
}

/// clap's message in one line: what is wrong, its tip, and where to read the rest.
pub(super) fn usage_line(error: &clap::Error) -> String {
    let message = error.to_string();
    let before_usage = message.split("\n\nUsage:").next().unwrap_or_default();
    let mut parts: Vec<String> = before_usage
        .split("\n\n")
        .map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|part| !part.is_empty() && !part.starts_with("For more information"))
        .collect();
    if error.kind() == ErrorKind::InvalidSubcommand {
        let command = Arguments::command();
        let verbs: Vec<&str> = command
            .get_subcommands()
            .map(|verb| verb.get_name())
            .collect();
        parts.push(format!("expected {}", verbs.join(", ")));
    }
    parts.push("see mdbook-live --help".to_owned());
    parts.join("; ")
}
