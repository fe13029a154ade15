//! A book with its listings and their runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::book::chart::Chart;
use crate::book::claim::{Claim, On};
use crate::book::config::{Cells, Config};
use crate::book::counter_run::Patch;
use crate::book::exercise::Exercise;
use crate::book::figure::{self, FigureName, FigureSpec};
use crate::book::package::Package;
use crate::book::program::{CommandLine, Program};
use crate::book::surroundings::{Client, Ends, Stdin};
use crate::book::varies::Varies;
use crate::text::words::expected;

/// A book with its listings.
#[derive(Debug, Clone)]
pub struct Book {
    /// The folder of `book.toml`.
    pub root: PathBuf,
    /// What `book.toml` says of them.
    pub config: Config,
    /// The listings, in the order of `book.toml`'s globs, then by name.
    pub listings: Vec<Listing>,
}

/// A folder of programs that a chapter embeds: a crate, a workspace or scripts.
#[derive(Debug, Clone)]
pub struct Listing {
    /// Its folder's path, from where the glob of `book.toml` has its first wildcard.
    pub name: String,
    /// Its folder.
    pub dir: PathBuf,
    /// The package in it.
    pub package: Package,
    /// Where it keeps what the reference printed, where the book has a reference.
    pub reference_dir: Option<PathBuf>,
    /// The figures at the end of its lines that stand in columns of their own.
    pub cells: Option<Cells>,
    /// Globs of files that its programs read or start and are not built from.
    pub also_hash: Vec<String>,
    /// Whether what is asked of the whole book leaves it out, as it takes long to build.
    pub on_request: bool,
    /// The changes under which its claims break, by name.
    pub patches: BTreeMap<String, Patch>,
    /// The figures that can be read from its runs' lines.
    pub figures: BTreeMap<String, FigureSpec>,
    /// Its runs, in the order of `runs.toml`.
    pub runs: Vec<Run>,
    /// Figures of several of them, side by side.
    pub charts: Vec<Chart>,
    /// What a reader is asked to do, in the order of `runs.toml`.
    pub exercises: Vec<Exercise>,
}

/// One way to run a listing.
#[derive(Debug, Clone)]
pub struct Run {
    /// Unique in its listing.
    pub name: String,
    /// What it starts.
    pub program: Program,
    /// The package whose program that is, where the author names one of several.
    pub package: Option<Package>,
    /// What a reader sees above it.
    pub caption: String,
    /// The variables that it is given, by name.
    pub env: Vec<(String, String)>,
    /// Those of them that all runs of the book have.
    pub env_of_book: Vec<(String, String)>,
    /// What it reads; nothing, where there is none.
    pub stdin: Option<Stdin>,
    /// What ends it, where it has no end of its own.
    pub ends: Option<Ends>,
    /// What calls it while it runs.
    pub client: Option<Client>,
    /// The file in the listing's folder that has its record as text.
    pub text: Option<PathBuf>,
    /// What varies by nature between two of it.
    pub varies: Varies,
    /// The arguments at the recorded size.
    pub args: Vec<String>,
    /// The arguments at the quick size.
    pub quick: Vec<String>,
    /// The time limit of the recorded size.
    pub timeout: Duration,
    /// The time limit of the quick size.
    pub quick_timeout: Duration,
    /// The figure by which the median of several recordings is chosen; built in
    /// `wall_s` unless the run names another.
    pub rank_by: String,
    /// Whether it is recorded once, without a warm-up.
    pub once: bool,
    /// Whether the lines of one process may come in any order.
    pub unordered: bool,
    /// Whether its process tree's memory is sampled when it is recorded: it is, unless
    /// what the run measures would suffer from it.
    pub memory: bool,
    /// How many bytes of private memory each of its processes may have (`RLIMIT_DATA`).
    pub data_limit: Option<u64>,
    /// The exit status that it must end with.
    pub status: i32,
    /// What the book claims of it.
    pub claims: Vec<Claim>,
}

/// The exit code by which a run says that it was skipped: as in the Automake manual,
/// "Scripts-based Testsuites".
pub(crate) const SKIPPED: i32 = 77;

/// At which size a run is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "lowercase")]
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
    /// The nearest folder upwards from `from` that has a `book.toml`.
    pub fn find_root(from: &Path) -> Result<PathBuf> {
        from.ancestors()
            .find(|dir| dir.join("book.toml").is_file())
            .map(Path::to_path_buf)
            .with_context(|| {
                format!(
                    "no book.toml in {} or in a folder above it; --root DIR names the book's folder",
                    from.display()
                )
            })
    }

    /// The run with that full name. The error names the nearest.
    pub fn run(&self, name: &str) -> Result<RunRef<'_>> {
        let found = self.runs().find(|run| run.full_name() == name);
        found.with_context(|| {
            let known: Vec<String> = self.runs().map(|run| run.full_name()).collect();
            format!("no run {name}; {}", expected(name, &known))
        })
    }

    /// Every run, by listing.
    pub fn runs(&self) -> impl Iterator<Item = RunRef<'_>> {
        self.listings
            .iter()
            .flat_map(|listing| listing.runs.iter().map(move |run| RunRef { listing, run }))
    }

    /// The runs of which a command for the whole book is made: those of listings on request
    /// have to be named.
    pub fn usual_runs(&self) -> impl Iterator<Item = RunRef<'_>> {
        self.runs().filter(|run| !run.listing.on_request)
    }

    /// The chart `LISTING/CHART`, with its listing. The error names the nearest.
    pub fn chart(&self, name: &str) -> Result<(&Listing, &Chart)> {
        let all = self.listings.iter().flat_map(|listing| {
            let charts = listing.charts.iter();
            charts.map(move |chart| (format!("{}/{}", listing.name, chart.name), listing, chart))
        });
        let all: Vec<(String, &Listing, &Chart)> = all.collect();
        let found = all.iter().find(|(known, ..)| known == name);
        let found = found.with_context(|| {
            let known: Vec<&str> = all.iter().map(|(name, ..)| name.as_str()).collect();
            format!("no chart {name}; {}", expected(name, &known))
        })?;
        Ok((found.1, found.2))
    }

    /// The listing with that name.
    pub fn listing(&self, name: &str) -> Option<&Listing> {
        self.listings.iter().find(|listing| listing.name == name)
    }

    /// Whether a quick live run of `run` must sample memory: a claim that is
    /// checked on quick runs reads one of its memory figures.
    pub fn quick_run_needs_memory(&self, run: RunRef<'_>) -> bool {
        let full_name = run.full_name();
        self.named_figures().any(|(of_run, claim, name)| {
            let asked = name.run.clone().unwrap_or_else(|| of_run.full_name());
            claim.on == On::Any && asked == full_name && figure::is_of_memory(&name.figure)
        })
    }

    /// Whether the memory of a run at that size is sampled: at the quick one only where a claim
    /// reads it, at the recorded one as for a record.
    pub fn samples_memory(&self, run: RunRef<'_>, size: Size) -> bool {
        match size {
            Size::Quick => self.quick_run_needs_memory(run),
            Size::Recorded => run.run.memory,
        }
    }

    /// Whether the processes of a run are observed at that size: a claim that is checked on such
    /// a run reads what they did, or the run is ranked by it.
    pub fn is_observed(&self, run: RunRef<'_>, size: Size) -> bool {
        let full_name = run.full_name();
        let by_claim = self.named_figures().any(|(of_run, claim, name)| {
            let asked = name.run.clone().unwrap_or_else(|| of_run.full_name());
            let checked = match claim.on {
                On::Any => true,
                On::Record => size == Size::Recorded,
                On::Reference => false,
            };
            checked && asked == full_name && figure::is_of_account(&name.figure)
        });
        by_claim || (size == Size::Recorded && figure::is_of_account(&run.run.rank_by))
    }

    /// Every figure that a claim names, with the claim and its run.
    pub fn named_figures(&self) -> impl Iterator<Item = (RunRef<'_>, &Claim, &FigureName)> {
        self.runs().flat_map(|run| {
            run.run.claims.iter().flat_map(move |claim| {
                let named = claim.check.figures().into_iter();
                named.map(move |name| (run, claim, name))
            })
        })
    }

    /// Whether the figure that a check of `run` names is there.
    ///
    /// # Errors
    ///
    /// The error names the figures or runs that there are.
    pub fn require_figure_of(&self, run: RunRef<'_>, name: &FigureName) -> Result<()> {
        let listing = match &name.run {
            Some(other) => self.run(other)?.listing,
            None => run.listing,
        };
        listing.require_figure(&name.figure)
    }

    /// A path as a reader of the book knows it: from the book's root.
    pub fn relative<'p>(&self, path: &'p Path) -> &'p Path {
        path.strip_prefix(&self.root).unwrap_or(path)
    }
}

impl Listing {
    /// The error names the figures that the listing's runs have.
    pub fn require_figure(&self, name: &str) -> Result<()> {
        if self.figures.contains_key(name) || figure::built_in().any(|known| known == name) {
            return Ok(());
        }
        let mut known: Vec<&str> = self.figures.keys().map(String::as_str).collect();
        known.extend(figure::built_in());
        bail!(
            "no figure {name} of {}; {}",
            self.name,
            expected(name, &known)
        );
    }
}

impl Run {
    /// The arguments at that size.
    pub fn args(&self, size: Size) -> &[String] {
        match size {
            Size::Recorded => &self.args,
            Size::Quick => &self.quick,
        }
    }

    /// The time limit at that size.
    pub fn timeout(&self, size: Size) -> Duration {
        match size {
            Size::Recorded => self.timeout,
            Size::Quick => self.quick_timeout,
        }
    }
}

impl RunRef<'_> {
    /// `LISTING/RUN`.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.listing.name, self.run.name)
    }

    /// What a reader types in the listing's folder: `cargo run -- …`.
    pub fn command(&self, size: Size) -> String {
        self.typed(size, &self.run.env)
    }

    /// The same without the variables that all runs of the book have.
    pub fn command_in_its_listing(&self, size: Size) -> String {
        let of_book = |variable: &&(String, String)| !self.run.env_of_book.contains(variable);
        let own: Vec<(String, String)> = self.run.env.iter().filter(of_book).cloned().collect();
        self.typed(size, &own)
    }

    fn typed(&self, size: Size, env: &[(String, String)]) -> String {
        let typed = CommandLine {
            program: &self.run.program,
            package: self.run.package.as_ref().map(|package| &*package.name),
            args: self.run.args(size),
            env,
            stdin: self.run.stdin.as_ref(),
        };
        typed.to_string()
    }

    /// What is around it that its command does not say: its client, and what ends it; empty where
    /// there is neither.
    pub fn around(&self) -> String {
        let client = self.run.client.as_ref().map(|client| {
            let on_line = client
                .on_line
                .as_ref()
                .map(|pattern| format!(" on `{pattern}`"));
            format!(
                "called by {}{}",
                client.typed(),
                on_line.unwrap_or_default()
            )
        });
        let ends = self.run.ends.as_ref().map(Ends::words);
        let parts: Vec<String> = client.into_iter().chain(ends).collect();
        parts.join(", ")
    }

    /// Its command and what is around it, where that says more than its program and its arguments.
    pub fn beyond_arguments(&self, size: Size) -> Option<String> {
        let run = self.run;
        let plain = run.program.is_built_first()
            && run.package.is_none()
            && run.env.is_empty()
            && run.stdin.is_none();
        let around = self.around();
        (!plain || !around.is_empty()).then(|| format!("{} {around}", self.command(size)))
    }

    /// The package whose program it runs.
    pub fn package(&self) -> &Package {
        self.run.package.as_ref().unwrap_or(&self.listing.package)
    }

    /// Whether its quick size is that of the record.
    pub fn has_one_size(&self) -> bool {
        self.run.args == self.run.quick
    }

    /// Where its record of that size lies.
    pub fn record_path(&self, size: Size) -> PathBuf {
        match size {
            Size::Quick if !self.has_one_size() => {
                self.recorded(&format!("{}.quick.cast", self.run.name))
            }
            _ => self.recorded(&format!("{}.cast", self.run.name)),
        }
    }

    /// Where the memory of its record lies.
    pub fn memory_path(&self) -> PathBuf {
        self.recorded(&format!("{}.memory.csv", self.run.name))
    }

    /// Where the reference's output of this run is, where the book has a reference.
    pub fn reference_path(&self) -> Option<PathBuf> {
        let folder = self.listing.reference_dir.as_ref()?;
        Some(folder.join(format!("{}.txt", self.run.name)))
    }

    fn recorded(&self, file: &str) -> PathBuf {
        self.listing.dir.join("recorded").join(file)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A book in a temporary folder with one listing, `demo`.
    pub(crate) fn book_with(runs_toml: &str) -> (tempfile::TempDir, Result<Book>) {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let write = |path: &str, text: &str| {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        };
        write(
            "book.toml",
            "[preprocessor.live]\nmemory = true\nlistings = [\"listings/*\"]\nprocess = '^\\s*(\\S+)'\nredact = ['\\b0x[0-9a-f]+\\b']\n\
             ignore_lines = ['^No data yet']\n\
             [preprocessor.live.reference]\nname = 'Manual'\nsays = 'The manual says'\nfolder = 'manual'\n",
        );
        write("listings/library/Cargo.toml", "");
        write("listings/demo/runs.toml", runs_toml);
        write(
            "listings/demo/Cargo.toml",
            "[package]\nname = \"demo\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n",
        );
        write("listings/demo/src/main.rs", "fn main() {}\n");
        let book = Book::open(dir.path());
        (dir, book)
    }

    /// A `runs.toml` with one run, `one`, and these further lines of it.
    pub(crate) fn one_run(rest: &str) -> String {
        format!(
            "[[run]]\nname = 'one'\ncaption = 'One'\nargs = ['a b', '--n', '1']\ntimeout = '5s'\n{rest}"
        )
    }

    fn error_of(runs_toml: &str) -> String {
        let (_dir, book) = book_with(runs_toml);
        let message = format!("{:#}", book.expect_err("this runs.toml is wrong"));
        assert!(!message.contains('\n'), "one line: {message}");
        message
    }

    #[test]
    fn what_varies_is_the_listings_and_the_books() {
        let (_dir, book) = book_with(&format!(
            "redact = ['\\d+ ms']\nignore_lines = ['^Waiting']\n{}",
            one_run("")
        ));
        let book = book.expect("a book");
        let varies = &book.listings[0].runs[0].varies;
        let words = |patterns: &[regex::Regex]| -> Vec<String> {
            patterns.iter().map(ToString::to_string).collect()
        };
        assert_eq!(words(&varies.redact)[..2], [r"\d+ ms", r"\b0x[0-9a-f]+\b"]);
        assert_eq!(words(&varies.ignore_lines), ["^Waiting", "^No data yet"]);
    }

    #[test]
    fn a_book_is_its_listings_and_their_runs() {
        let (dir, book) = book_with(&one_run(
            "status = 3\nquick = { args = [], timeout = '500ms' }\n[[run]]\nname='two'\nargs=['x']\n",
        ));
        let book = book.expect("it is right");
        let names: Vec<String> = book.runs().map(|run| run.full_name()).collect();
        assert_eq!(names, ["demo/one", "demo/two"]);
        let one = book.run("demo/one").expect("it is there");
        assert_eq!(one.command(Size::Recorded), "cargo run -- 'a b' --n 1");
        assert_eq!(one.command(Size::Quick), "cargo run");
        assert_eq!(one.run.status, 3);
        assert_eq!(one.run.quick_timeout, Duration::from_millis(500));
        let two = book.run("demo/two").expect("it is there");
        assert_eq!(two.run.quick, two.run.args);
        assert_eq!(two.run.quick_timeout, two.run.timeout);
        assert_eq!(
            two.memory_path(),
            dir.path().join("listings/demo/recorded/two.memory.csv")
        );
    }

    #[test]
    fn a_missing_run_is_answered_with_those_that_there_are() {
        let (_dir, book) = book_with(&one_run(""));
        let error = book
            .expect("it is right")
            .run("demo/two")
            .expect_err("no such run");
        assert_eq!(
            error.to_string(),
            "no run demo/two; did you mean demo/one? expected demo/one"
        );
    }

    #[test]
    fn a_glob_without_listings_is_an_error() {
        let (dir, _) = book_with(&one_run(""));
        std::fs::write(
            dir.path().join("book.toml"),
            "[preprocessor.live]\nlistings = [\"listings/*\", \"bench\"]\n",
        )
        .expect("a file");
        let error = Book::open(dir.path()).expect_err("bench does not exist");
        assert_eq!(
            error.to_string(),
            "book.toml: [preprocessor.live] listings: `bench` matches no folder that has a runs.toml; `new` and `import` write one"
        );
    }

    #[test]
    fn the_root_is_found_from_a_folder_below_it() {
        let (dir, _) = book_with(&one_run(""));
        let found = Book::find_root(&dir.path().join("listings/demo/src")).expect("a root");
        assert_eq!(found, dir.path());
    }

    #[test]
    fn a_ratio_of_what_does_not_exist_names_what_does() {
        let with = |ratio: &str| {
            let run = one_run(&format!(
                "[[run.claim]]\nsays = 'Faster'\nratio = {ratio}\n"
            ));
            format!("figures.t = {{ pattern = 't=(.+)' }}\n{run}")
        };
        assert_eq!(
            error_of(&with("{ figure = 't', to = 'u', at_least = 2 }")),
            "listings/demo/runs.toml:7: claim \"Faster\": ratio: no figure u of demo; \
             expected t, wall_s, tree_peak, tree_peak_anon, tree_peak_file, tree_peak_shmem, \
             tree_processes, tree_alive, tree_depth, tree_programs, tree_threads, tree_written \
             and 6 more"
        );
        assert_eq!(
            error_of(&with("{ figure = 't', to = 'demo/two t', at_least = 2 }")),
            "listings/demo/runs.toml:7: claim \"Faster\": ratio: no run demo/two; \
             did you mean demo/one? expected demo/one"
        );
    }

    #[test]
    fn a_run_is_observed_only_where_a_claim_or_its_rank_reads_what_its_processes_did() {
        let claim = |on: &str| {
            format!(
                "[[run.claim]]\nsays = 'Two'\non = '{on}'\n\
                 value = {{ figure = 'tree_processes', is = 2 }}\n"
            )
        };
        let memory = claim("any").replace("tree_processes", "tree_peak");
        for (rest, quick, recorded) in [
            (claim("any"), true, true),
            (claim("record"), false, true),
            (claim("reference"), false, false),
            (memory, false, false),
            ("rank_by = 'tree_faults'\n".to_owned(), false, true),
            (String::new(), false, false),
        ] {
            let (_dir, book) = book_with(&one_run(&rest));
            let book = book.expect("it is right");
            let run = book.run("demo/one").expect("it is there");
            let found = [Size::Quick, Size::Recorded].map(|size| book.is_observed(run, size));
            assert_eq!(found, [quick, recorded], "{rest}");
        }
    }

    #[test]
    fn memory_is_sampled_live_only_where_a_claim_on_quick_runs_reads_it() {
        let with = |on: &str| {
            one_run(&format!(
                "[[run.claim]]\nsays = 'Once'\non = '{on}'\n\
                 ratio = {{ figure = 'tree_peak', to = 'wall_s', at_least = 1 }}\n"
            ))
        };
        for (on, needed) in [("any", true), ("record", false), ("reference", false)] {
            let (_dir, book) = book_with(&with(on));
            let book = book.expect("it is right");
            let run = book.run("demo/one").expect("it is there");
            assert_eq!(book.quick_run_needs_memory(run), needed, "{on}");
        }
    }
}
