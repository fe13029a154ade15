//! The runs of a book: what each listing's `runs.toml` says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use regex::Regex;

use crate::claims::Claim;
use crate::figures::FigureSpec;

/// A book with its listings.
#[derive(Debug, Clone)]
pub struct Book {
    /// The folder of `book.toml`.
    pub root: PathBuf,
    /// The listings, by name.
    pub listings: Vec<Listing>,
}

/// A crate that a chapter embeds.
#[derive(Debug, Clone)]
pub struct Listing {
    /// The name of its folder and of its package.
    pub name: String,
    /// Its folder.
    pub dir: PathBuf,
    /// What varies by nature between two runs of it.
    pub varies: Vec<Regex>,
    /// The figures that can be read from its runs' lines.
    pub figures: BTreeMap<String, FigureSpec>,
    /// Its runs, in the order of `runs.toml`.
    pub runs: Vec<Run>,
}

/// One way to run a listing.
#[derive(Debug, Clone)]
pub struct Run {
    /// Unique in its listing.
    pub name: String,
    /// What a reader sees above it.
    pub caption: String,
    /// The arguments at the recorded size.
    pub args: Vec<String>,
    /// The arguments at the quick size.
    pub quick: Vec<String>,
    /// The time limit of the recorded size.
    pub limit: Duration,
    /// The time limit of the quick size.
    pub quick_limit: Duration,
    /// The exit code that it must end with.
    pub exit: i32,
    /// What the book claims of it.
    pub claims: Vec<Claim>,
}

/// At which size a run is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// The size of the record.
    Recorded,
    /// A size that takes seconds.
    Quick,
}

/// A run together with its listing.
#[derive(Debug, Clone, Copy)]
pub struct RunRef<'a> {
    /// The listing.
    pub listing: &'a Listing,
    /// The run.
    pub run: &'a Run,
}

impl Book {
    /// Reads `book.toml` in `root` and every listing's `runs.toml`.
    pub fn open(root: &Path) -> Result<Book> {
        let _ = root;
        todo!()
    }

    /// The run with that full name. The error names those that there are.
    pub fn run(&self, name: &str) -> Result<RunRef<'_>> {
        let _ = name;
        todo!()
    }

    /// Every run, by listing.
    pub fn runs(&self) -> impl Iterator<Item = RunRef<'_>> {
        self.listings
            .iter()
            .flat_map(|listing| listing.runs.iter().map(move |run| RunRef { listing, run }))
    }

    /// The listing with that name.
    pub fn listing(&self, name: &str) -> Option<&Listing> {
        self.listings.iter().find(|listing| listing.name == name)
    }
}

impl RunRef<'_> {
    /// `LISTING/RUN`.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.listing.name, self.run.name)
    }

    /// What a reader types in the listing's folder: `cargo run -- …`.
    pub fn command(&self, size: Size) -> String {
        let _ = size;
        todo!()
    }

    /// Where its record lies.
    pub fn record_path(&self) -> PathBuf {
        self.listing
            .dir
            .join("recorded")
            .join(format!("{}.cast", self.run.name))
    }

    /// Where the memory of its record lies.
    pub fn memory_path(&self) -> PathBuf {
        self.listing
            .dir
            .join("recorded")
            .join(format!("{}.memory.csv", self.run.name))
    }

    /// Where the notes' output lies, if they recorded it.
    pub fn notes_path(&self) -> PathBuf {
        self.listing
            .dir
            .join("notes")
            .join(format!("{}.txt", self.run.name))
    }
}
