//! The exercises of a book: found by name, and read from a listing's `runs.toml`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::book::exercise::{Exercise, Kind};
use crate::book::listing::{Book, Listing, RunRef};
use crate::book::program::Program;
use crate::book::runs_toml;
use crate::text::words::expected;

/// An exercise together with its listing.
#[derive(Debug, Clone, Copy)]
pub struct ExerciseRef<'a> {
    /// The listing.
    pub listing: &'a Listing,
    /// The exercise.
    pub exercise: &'a Exercise,
}

impl<'a> ExerciseRef<'a> {
    /// The program that the reader changes: `examples/exercise_NAME.rs`, or, of a generated
    /// one, `examples/NAME_SEED.rs`.
    pub fn program(&self, seed: Option<u64>) -> Program {
        let name = &self.exercise.name;
        match seed {
            Some(seed) => Program::Example(format!("{}_{seed}", underscored(name))),
            None => starter(name),
        }
    }

    /// `LISTING/EXERCISE`.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.listing.name, self.exercise.name)
    }

    /// The runs that decide it.
    pub fn runs(&self) -> impl Iterator<Item = RunRef<'a>> {
        let listing = self.listing;
        let names = self.exercise.runs().iter();
        names.filter_map(move |name| {
            let run = listing.runs.iter().find(|run| run.name == *name)?;
            Some(RunRef { listing, run })
        })
    }

    /// The file that the reader changes.
    pub fn starter(&self) -> PathBuf {
        self.listing.dir.join(self.program(None).source())
    }

    /// The files with its solution: the programs of its runs.
    pub fn solutions(&self) -> Vec<PathBuf> {
        let sources = self.runs().map(|run| run.run.program.source());
        let mut files: Vec<PathBuf> = sources.map(|file| self.listing.dir.join(file)).collect();
        files.dedup();
        files
    }
}

impl Book {
    /// Every exercise, by listing.
    pub fn exercises(&self) -> impl Iterator<Item = ExerciseRef<'_>> {
        self.listings.iter().flat_map(|listing| {
            let exercises = listing.exercises.iter();
            exercises.map(move |exercise| ExerciseRef { listing, exercise })
        })
    }

    /// The exercise `LISTING/NAME`, or the one exercise `NAME`. The error names the nearest.
    pub fn exercise(&self, name: &str) -> Result<ExerciseRef<'_>> {
        let known: Vec<String> = self.exercises().map(|known| known.full_name()).collect();
        let whole = self.exercises().find(|known| known.full_name() == name);
        let mut short = self.exercises().filter(|known| known.exercise.name == name);
        match (whole, short.next(), short.next()) {
            (Some(found), ..) | (None, Some(found), None) => Ok(found),
            (None, Some(one), Some(other)) => bail!(
                "several exercises are named {name}; expected {} or {}",
                one.full_name(),
                other.full_name()
            ),
            (None, None, _) => bail!("no exercise {name}; {}", expected(name, &known)),
        }
    }
}

/// The exercise of a listing that its `runs.toml` tells of.
pub(super) fn exercise_of(listing: &Listing, told: runs_toml::Exercise) -> Result<Exercise> {
    let name = told.name.0;
    ensure!(
        listing.exercises.iter().all(|known| known.name != name),
        "two exercises are named {name}; expected another name"
    );
    ensure!(
        (1..=Exercise::HARDEST).contains(&told.level),
        "level: expected 1, 2 or 3, found {}",
        told.level
    );
    ensure!(told.minutes > 0, "minutes: expected 1 or more, found 0");
    let kind = match (told.runs, told.generator) {
        (Some(_), Some(_)) => bail!("expected `runs` or `generator`, found both"),
        (None, Some(generator)) => {
            let source = Program::Bin(generator.clone()).source();
            require_file(&listing.dir, &source).context("generator")?;
            Kind::Generated { generator }
        }
        (runs, None) => {
            let runs = runs.unwrap_or_else(|| vec![name.clone()]);
            let known: Vec<&str> = listing.runs.iter().map(|run| &run.name[..]).collect();
            ensure!(!runs.is_empty(), "runs: expected at least one run");
            for run in &runs {
                ensure!(
                    known.contains(&&run[..]),
                    "runs: no run {run}; {}",
                    expected(run, &known)
                );
            }
            Kind::Graded { runs }
        }
    };
    let exercise = Exercise {
        name,
        title: told.title,
        level: told.level,
        minutes: told.minutes,
        kind,
    };
    if let Kind::Graded { runs } = &exercise.kind {
        require_file(&listing.dir, &starter(&exercise.name).source()).context("its starter")?;
        let hinted = listing.runs.iter().filter(|run| runs.contains(&run.name));
        ensure!(
            hinted
                .flat_map(|run| &run.claims)
                .any(|claim| claim.hint.is_some()),
            "expected a claim with a `hint` among those of {}: it is what the reader of a \
             starter is told",
            runs.join(", ")
        );
    }
    Ok(exercise)
}

/// The program that the reader of an exercise changes.
fn starter(exercise: &str) -> Program {
    Program::Example(format!("exercise_{}", underscored(exercise)))
}

fn underscored(name: &str) -> String {
    name.replace('-', "_")
}

fn require_file(dir: &Path, file: &Path) -> Result<()> {
    ensure!(
        dir.join(file).is_file(),
        "expected the file {}",
        file.display()
    );
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::book::listing::tests::{book_with, one_run};
    use crate::fixture_book::write;

    /// A book of one run, `demo/one`, whose claim has a hint, and one exercise on it.
    pub(crate) fn told(exercise: &str) -> (tempfile::TempDir, Result<Book>) {
        let claim = "[[run.claim]]\nsays = 'It speaks'\nhint = 'Print a line.'\n\
                     count = { lines = 'Main', is = 1 }\n";
        let (dir, book) = book_with(&(one_run(claim) + exercise));
        drop(book);
        write(dir.path(), "listings/demo/examples/exercise_first.rs", "");
        write(dir.path(), "listings/demo/src/bin/deal.rs", "");
        let book = Book::open(dir.path());
        (dir, book)
    }

    #[test]
    fn an_exercise_is_known_by_its_listing_and_by_its_name_alone() {
        let (_dir, book) = told(
            "[[exercise]]\nname = 'first'\ntitle = 'The first'\nlevel = 1\nminutes = 5\nruns = ['one']\n",
        );
        let book = book.unwrap();
        for name in ["demo/first", "first"] {
            let found = book.exercise(name).unwrap();
            assert_eq!(found.full_name(), "demo/first");
            assert!(found.starter().ends_with("examples/exercise_first.rs"));
            assert_eq!(found.runs().count(), 1);
        }
        let error = book.exercise("fist").unwrap_err().to_string();
        assert_eq!(error, "no exercise fist; expected demo/first");
    }

    #[test]
    fn a_generated_one_names_its_program_by_the_seed() {
        let (_dir, book) = told(
            "[[exercise]]\nname = 'a-deal'\ntitle = 'A deal'\nlevel = 2\nminutes = 5\ngenerator = 'deal'\n",
        );
        let book = book.unwrap();
        let found = book.exercise("a-deal").unwrap();
        assert_eq!(found.runs().count(), 0);
        assert_eq!(
            found.program(Some(7)).source(),
            Path::new("examples/a_deal_7.rs")
        );
    }

    #[test]
    fn what_is_wrong_with_one_is_told_with_its_line() {
        for (exercise, problem) in [
            (
                "name = 'first'\nlevel = 4\nminutes = 5",
                "level: expected 1, 2 or 3, found 4",
            ),
            (
                "name = 'first'\nlevel = 1\nminutes = 0",
                "minutes: expected 1 or more, found 0",
            ),
            (
                "name = 'first'\nlevel = 1\nminutes = 5",
                "runs: no run first; expected one",
            ),
            (
                "name = 'second'\nlevel = 1\nminutes = 5\nruns = ['one']",
                "its starter: expected the file examples/exercise_second.rs",
            ),
            (
                "name = 'x'\nlevel = 1\nminutes = 5\ngenerator = 'none'",
                "generator: expected the file src/bin/none.rs",
            ),
        ] {
            let (_dir, book) = told(&format!("[[exercise]]\ntitle = 'T'\n{exercise}\n"));
            let error = book.unwrap_err();
            let error = format!("{error:#}");
            assert!(error.starts_with("listings/demo/runs.toml:"), "{error}");
            assert!(error.ends_with(problem), "{error}");
        }
    }
}
