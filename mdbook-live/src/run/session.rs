//! The runs that one start of the tool makes: each listing is built once, and
//! what a quick run gave is kept for the claims of others.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context, Result, bail};

use crate::book::claim::Claim;
use crate::book::figure::{self, FigureName};
use crate::book::listing::{Book, RunRef, Size};
use crate::book::program::Program;
use crate::book::surroundings::{Stdin, StdinFile};
use crate::judge::checks::Judgement;
use crate::judge::evidence::{self, Evidence, Judged};
use crate::judge::figures::{self, Figure, FigureSource, Measured};
use crate::record::account::Observation;
use crate::record::cast::Record;
use crate::record::line::Line;
use crate::record::result::RunResult;
use crate::run::cargo::{self, BuildError};
use crate::run::launch::{Input, Launch};
use crate::run::neutral_paths::NeutralPaths;
use crate::run::prebuilt::Prebuilt;
use crate::run::prepared::prepare;
use crate::run::runner;
use crate::run::stop::Stop;

/// Runs listings of a book.
pub struct Session<'b> {
    /// The book.
    pub book: &'b Book,
    /// Ends the run that is under way.
    pub stop: Stop,
    /// Called with the name of each run that is made because a claim of another needs it.
    beside: Box<dyn Fn(&str)>,
    /// Is given the compiler's words where a program does not build.
    on_broken_build: Box<dyn Fn(&str)>,
    /// By listing.
    programs: RefCell<HashMap<ProgramKey, Built>>,
    /// The compiler, as rustup names it.
    toolchain: Option<String>,
    /// Programs that are there already, in place of those that cargo builds.
    prebuilt: Option<Prebuilt>,
    /// The memory that a run may have, in bytes.
    most_memory: Option<u64>,
    /// Whether claims at the recorded size are judged on runs of this session alone, and not on
    /// records of others.
    by_itself: bool,
    made: RefCell<HashMap<(String, Size), Rc<RunResult>>>,
}

/// How a run is made.
#[derive(Debug, Clone, Copy)]
struct How<'a> {
    size: Size,
    /// Whether its memory is sampled.
    memory: bool,
    /// Whether it is observed what its processes do.
    observe: bool,
    /// What it reads from standard input, in place of what it reads else.
    input: Option<&'a Path>,
}

impl How<'_> {
    const QUICK: How<'static> = How {
        size: Size::Quick,
        memory: false,
        observe: false,
        input: None,
    };
}

/// What cargo says while another one builds.
const BLOCKING: &str = "    Blocking waiting for file lock";

/// A listing, its package, its program, and the variables that it is built and run with.
type ProgramKey = (String, String, Program, Vec<(String, String)>);

/// A program, or why there is none: a failed build is not tried again.
type Built = Result<PathBuf, BuildError>;

impl<'b> Session<'b> {
    /// A session in which nothing is built yet.
    pub fn new(book: &'b Book, stop: Stop) -> Session<'b> {
        Session {
            book,
            stop,
            beside: Box::new(|_| {}),
            on_broken_build: Box::new(|_| {}),
            programs: RefCell::default(),
            toolchain: None,
            prebuilt: None,
            most_memory: None,
            by_itself: false,
            made: RefCell::default(),
        }
    }

    /// Takes programs that are there, and builds none.
    pub fn with_programs(mut self, programs: Prebuilt) -> Session<'b> {
        self.prebuilt = Some(programs);
        self
    }

    /// Builds and runs with this compiler, as rustup names it.
    pub fn with_toolchain(mut self, toolchain: Option<String>) -> Session<'b> {
        self.toolchain = toolchain;
        self
    }

    /// The compiler that was asked for, as rustup names it.
    pub fn toolchain(&self) -> Option<&str> {
        self.toolchain.as_deref()
    }

    /// Ends each run that has more than so many bytes of memory: it is skipped.
    pub fn with_most_memory(mut self, bytes: u64) -> Session<'b> {
        self.most_memory = Some(bytes);
        self
    }

    /// Makes the runs that a claim needs at the recorded size, too: the records are another
    /// machine's.
    pub fn by_itself(mut self) -> Session<'b> {
        self.by_itself = true;
        self
    }

    /// The memory that a run may have, in bytes.
    pub fn most_memory(&self) -> Option<u64> {
        self.most_memory
    }

    /// Has `tell` told of each run that is made because a claim of another needs it.
    pub fn telling(mut self, tell: impl Fn(&str) + 'static) -> Session<'b> {
        self.beside = Box::new(tell);
        self
    }

    /// Has `show` shown what the compiler says of a program that does not build: once for
    /// each program, with colours as ANSI escapes.
    pub fn on_broken_build(mut self, show: impl Fn(&str) + 'static) -> Session<'b> {
        self.on_broken_build = Box::new(show);
        self
    }

    /// The run's program, built at the first call.
    ///
    /// # Errors
    ///
    /// A [`BuildError`] when it does not build; where the programs are there already, when it is
    /// not among them.
    pub fn program(&self, run: RunRef<'_>) -> Result<PathBuf> {
        if let Some(prebuilt) = &self.prebuilt {
            return prebuilt.program(run);
        }
        let key = key(run);
        if let Some(built) = self.programs.borrow().get(&key) {
            return Ok(built.clone()?);
        }
        match &run.run.program {
            Program::Cargo(_) => return Ok(cargo::cargo(self.toolchain())),
            Program::Command(words) => return Ok(PathBuf::from(&words[0])),
            Program::Main | Program::Bin(_) | Program::Example(_) => {}
        }
        let built = cargo::build(self.book, run, self.toolchain(), &self.stop);
        if let Err(error) = &built
            && !self.stop.is_requested()
        {
            (self.on_broken_build)(&error.diagnostics);
        }
        self.programs.borrow_mut().insert(key, built.clone());
        Ok(built?)
    }

    /// Takes a program as it is, so that tests need not build one.
    #[cfg(test)]
    pub(crate) fn use_program(&self, listing: &str, program: &str) {
        self.use_program_as(listing, Program::Main, program);
    }

    /// Takes a program as the one that a listing names so.
    #[cfg(test)]
    pub(crate) fn use_program_as(&self, listing: &str, name: Program, program: &str) {
        let mut programs = self.programs.borrow_mut();
        let listing = self.book.listing(listing).expect("a listing of the book");
        for run in &listing.runs {
            let package = listing.package.name.clone();
            let key = (listing.name.clone(), package, name.clone(), run.env.clone());
            programs.insert(key, Ok(program.into()));
        }
        let package = listing.package.name.clone();
        programs.insert(
            (listing.name.clone(), package, name, Vec::new()),
            Ok(program.into()),
        );
    }

    /// Makes a run. `watch` sees its output as it is read.
    pub fn run(
        &self,
        run: RunRef<'_>,
        size: Size,
        memory: bool,
        watch: &mut dyn FnMut(&Line),
    ) -> Result<RunResult> {
        let how = How {
            size,
            memory,
            observe: self.book.is_observed(run, size),
            input: None,
        };
        self.launch(run, how, watch)
    }

    /// Makes a run at its quick size, and observes what its processes do.
    pub fn run_observed(&self, run: RunRef<'_>) -> Result<RunResult> {
        let how = How {
            observe: true,
            ..How::QUICK
        };
        self.launch(run, how, &mut |_| {})
    }

    /// Makes a run at its quick size that reads this file from standard input.
    pub fn run_on(&self, run: RunRef<'_>, input: Option<&Path>) -> Result<RunResult> {
        self.launch(
            run,
            How {
                input,
                ..How::QUICK
            },
            &mut |_| {},
        )
    }

    fn launch(
        &self,
        run: RunRef<'_>,
        how: How<'_>,
        watch: &mut dyn FnMut(&Line),
    ) -> Result<RunResult> {
        let How {
            size,
            memory,
            observe,
            input,
        } = how;
        let program = self.program(run)?;
        if self.stop.is_requested() {
            bail!("stopped");
        }
        let prepared = prepare(self.book, run, size, self.toolchain(), &self.stop)?;
        let file = match &run.run.stdin {
            Some(Stdin::File(StdinFile { file })) => Some(run.listing.dir.join(file)),
            _ => None,
        };
        let launch = Launch {
            input: match (input, &file, &run.run.stdin) {
                (Some(file), ..) => Input::File(file),
                (None, Some(file), _) => Input::File(file),
                (None, None, Some(Stdin::Text(text))) => Input::Text(text),
                _ => Input::Nothing,
            },
            env: &prepared.env,
            together: run.run.program.is_typed(),
            timeout: run.run.timeout(size),
            ends: run.run.ends.as_ref(),
            client: run.run.client.as_ref(),
            memory,
            observe,
            data_limit: run.run.data_limit,
            most_memory: self.most_memory,
            ..Launch::of(&program, &prepared.args, &run.listing.dir)
        };
        let neutral = prepared
            .built_in
            .as_ref()
            .map(|built_in| NeutralPaths::of(&self.book.root, built_in, &run.package().name));
        let shown = |line: &Line| neutral.as_ref().map(|neutral| neutral.line(line));
        // What else is being built is nothing of the run's.
        let waits = |line: &Line| neutral.is_some() && line.text().starts_with(BLOCKING);
        let mut watch = |line: &Line| {
            if !waits(line) {
                watch(shown(line).as_ref().unwrap_or(line));
            }
        };
        let mut result = runner::run(&launch, &self.stop, &mut watch)
            .with_context(|| format!("cannot run {}", run.full_name()))?;
        for line in &mut result.lines {
            if let Some(neutral) = shown(line) {
                *line = neutral;
            }
        }
        result.lines.retain(|line| !waits(line));
        Ok(result)
    }

    /// The run at its quick size, made at the first call. Its memory is
    /// sampled only where a claim on quick runs reads it.
    pub fn quick(&self, run: RunRef<'_>) -> Result<Rc<RunResult>> {
        self.made(run, Size::Quick)
    }

    /// The run at that size, made at the first call.
    pub fn made(&self, run: RunRef<'_>, size: Size) -> Result<Rc<RunResult>> {
        let key = (run.full_name(), size);
        if let Some(known) = self.made.borrow().get(&key) {
            return Ok(known.clone());
        }
        (self.beside)(&key.0);
        let memory = self.book.samples_memory(run, size);
        let outcome = Rc::new(self.run(run, size, memory, &mut |_| {})?);
        self.made.borrow_mut().insert(key, outcome.clone());
        Ok(outcome)
    }

    /// Judges a run that was made in this session; claims may need other runs of it.
    pub fn judge(
        &self,
        run: RunRef<'b>,
        size: Size,
        result: &RunResult,
        record: Option<&Record>,
    ) -> Judged {
        let figures = LiveFigures {
            session: self,
            run,
            size,
            result,
        };
        let evidence = Evidence::Live {
            size,
            result,
            figures: &figures,
            record,
        };
        evidence::judge(self.book, run, evidence)
    }
}

impl Session<'_> {
    /// Judges one claim on a run of this session, however the run ended.
    pub fn judge_claim(
        &self,
        run: RunRef<'_>,
        claim: &Claim,
        size: Size,
        result: &RunResult,
    ) -> Judgement {
        let figures = LiveFigures {
            session: self,
            run,
            size,
            result,
        };
        claim.check.judgement(&result.lines, &figures)
    }
}

fn key(run: RunRef<'_>) -> ProgramKey {
    let package = &run.package().name;
    let (program, env) = (&run.run.program, &run.run.env);
    (
        run.listing.name.clone(),
        package.clone(),
        program.clone(),
        env.clone(),
    )
}

/// Figures of a live run: what claims on it need. Those of other runs come from
/// runs of the same size: quick ones that were made just now, or the records.
struct LiveFigures<'a, 'b> {
    /// Where the other runs are made.
    session: &'a Session<'b>,
    /// The run at hand.
    run: RunRef<'a>,
    /// Its size.
    size: Size,
    /// What it did.
    result: &'a RunResult,
}

impl LiveFigures<'_, '_> {
    /// Whether figures of other runs are those of runs that are made now, and not of records.
    fn is_made(&self, size: Size) -> bool {
        size == Size::Quick || self.session.by_itself
    }

    fn of(&self, run: RunRef<'_>, outcome: &RunResult, name: &str) -> Result<Figure> {
        let figure = Measured::of(outcome).figure(run.listing, name);
        figure.with_context(|| format!("in the live run of {}", run.full_name()))
    }
}

impl FigureSource for LiveFigures<'_, '_> {
    fn figure(&self, name: &FigureName) -> Result<Figure> {
        let other = match &name.run {
            Some(other) if *other != self.run.full_name() => self.session.book.run(other)?,
            _ => return self.of(self.run, self.result, &name.figure),
        };
        match self.size {
            size if self.is_made(size) => {
                let outcome = self.session.made(other, size)?;
                if let Some(fault) = outcome.faults(other.run.status).first() {
                    bail!("{} {fault}", other.full_name());
                }
                self.of(other, &outcome, &name.figure)
            }
            _ => {
                let record = Record::load(other, Size::Recorded)?
                    .with_context(|| format!("{} has no record", other.full_name()))?;
                figures::of_record(other, &record, &name.figure)
            }
        }
    }

    fn size(&self) -> Size {
        self.size
    }

    fn unobserved(&self, name: &FigureName) -> Option<String> {
        if !figure::is_of_account(&name.figure) {
            return None;
        }
        let refused = |outcome: &RunResult| match &outcome.observation {
            Observation::Refused(why) => Some(why.clone()),
            Observation::NotAsked | Observation::Made(_) => None,
        };
        match &name.run {
            Some(other) if *other != self.run.full_name() => match self.size {
                Size::Quick => {
                    let other = self.session.book.run(other).ok()?;
                    let outcome = self.session.quick(other).ok()?;
                    refused(&outcome)
                }
                Size::Recorded => figures::unobserved_record(self.session.book, other),
            },
            _ => refused(self.result),
        }
    }

    fn absent(&self, run: &str) -> Option<String> {
        let other = self.session.book.run(run).ok()?;
        if run == self.run.full_name() {
            return None;
        }
        match self.size {
            size if self.is_made(size) => {
                let why = self.session.made(other, size).ok()?.skipped()?;
                Some(format!("{run} was skipped: {why}"))
            }
            _ => (!other.record_path(Size::Recorded).exists())
                .then(|| format!("{run} has no record")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture_book::write;

    #[test]
    fn two_packages_of_one_listing_have_a_program_each() {
        let dir = tempfile::tempdir().expect("a folder");
        let root = dir.path();
        write(
            root,
            "book.toml",
            "[preprocessor.live]\nlistings = ['listings/*']\n",
        );
        let mut runs = String::new();
        for name in ["one", "two"] {
            let folder = format!("listings/both/{name}");
            let manifest = format!("[package]\nname = '{name}'\nedition = '2024'\n");
            write(root, &format!("{folder}/Cargo.toml"), &manifest);
            let main = format!("fn main() {{ println!(\"{name}\"); }}\n");
            write(root, &format!("{folder}/src/main.rs"), &main);
            runs += &format!("[[run]]\nname = '{name}'\npackage = '{name}'\n");
        }
        let workspace = "[workspace]\nresolver = '3'\nmembers = ['one', 'two']\n";
        write(root, "listings/both/Cargo.toml", workspace);
        write(root, "listings/both/runs.toml", &runs);
        let book = Book::open(root).expect("the book is right");
        let session = Session::new(&book, Stop::default());
        for run in book.runs() {
            let result = session.quick(run).expect("it is made");
            assert_eq!(result.lines[0].text(), run.run.name);
        }
    }
}
