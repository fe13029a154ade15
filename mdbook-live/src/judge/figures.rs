//! Numbers read from a run: what `runs.toml` names, and what is built in.

use std::collections::HashMap;
use std::fmt;

use anyhow::{Context, Result, anyhow};

use crate::book::figure::{self, FigureName, Match};
use crate::book::listing::{Book, Listing, RunRef, Size};
use crate::record::account::Account;
use crate::record::cast::Record;
use crate::record::line::Line;
use crate::record::memory::{MemorySample, TreeMemory};
use crate::record::result::RunResult;

/// A figure's value.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// The number.
    pub value: f64,
    /// The number as printed.
    pub text: String,
    /// Its unit; empty for a bare number.
    pub unit: String,
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        if !self.unit.is_empty() {
            write!(f, " {}", self.unit)?;
        }
        Ok(())
    }
}

impl Figure {
    /// A number as a run printed it: underscores may group its digits.
    fn parse(text: &str, unit: &str) -> Result<Figure> {
        let value: f64 = text
            .replace('_', "")
            .parse()
            .ok()
            .filter(|value: &f64| value.is_finite())
            .with_context(|| format!("`{text}` is not a number"))?;
        Ok(Figure {
            value,
            text: text.to_owned(),
            unit: unit.to_owned(),
        })
    }

    /// The number, where it was printed as an integer: exact where f64 is not.
    pub fn integer(&self) -> Option<i128> {
        self.text.replace('_', "").parse().ok()
    }
}

/// Where checks take figures from: a record, or runs that were made just now.
pub trait FigureSource {
    /// The figure. An error says what is missing.
    fn figure(&self, name: &FigureName) -> Result<Figure>;

    /// The size of the run at hand.
    fn size(&self) -> Size {
        Size::Recorded
    }

    /// Why a figure of what processes did cannot be had though nothing is wrong: they could not
    /// be observed.
    fn unobserved(&self, name: &FigureName) -> Option<String> {
        let _ = name;
        None
    }

    /// Why the figures of that other run cannot be had though nothing is wrong.
    fn absent(&self, run: &str) -> Option<String> {
        let _ = run;
        None
    }
}

/// What figures are read from, of a live run and of a record alike.
#[derive(Debug, Clone, Copy)]
pub struct Measured<'a> {
    /// The lines that the run printed.
    pub lines: &'a [Line],
    /// Seconds from its start to its exit.
    pub seconds: f64,
    /// The memory of its process tree; empty where it was not sampled.
    pub memory: &'a [MemorySample],
    /// What its processes did, where they were observed.
    pub account: Option<&'a Account>,
}

impl<'a> Measured<'a> {
    /// Of a run that was made just now.
    pub fn of(result: &'a RunResult) -> Measured<'a> {
        Measured {
            lines: &result.lines,
            seconds: result.seconds,
            memory: &result.memory,
            account: result.observation.account(),
        }
    }

    /// Of a record.
    pub fn recorded(record: &'a Record) -> Measured<'a> {
        Measured {
            lines: &record.lines,
            seconds: record.header.duration,
            memory: &record.memory,
            account: record.header.live.account.as_ref(),
        }
    }
}

impl Measured<'_> {
    /// The figure `name` of a run of `listing`.
    pub fn figure(&self, listing: &Listing, name: &str) -> Result<Figure> {
        listing.require_figure(name)?;
        if let Some(spec) = listing.figures.get(name) {
            let mut found = self.lines.iter().filter_map(|line| {
                let captures = spec.pattern.captures(line.text())?;
                Some(captures.get(1)?.as_str().to_owned())
            });
            let found = match spec.which {
                Match::First => found.next(),
                Match::Last => found.next_back(),
            };
            let text = found
                .with_context(|| format!("{name}: `{}` matches no line", spec.pattern.as_str()))?;
            return Figure::parse(&text, &spec.unit).with_context(|| name.to_owned());
        }
        if figure::is_of_account(name) {
            return self.of_account(name);
        }
        if name == figure::WALL_S {
            return Figure::parse(&format!("{:.2}", self.seconds), "s");
        }
        let part = match name {
            "tree_peak" => |tree: TreeMemory| tree.total_kib,
            "tree_peak_anon" => |tree: TreeMemory| tree.anon_kib,
            "tree_peak_file" => |tree: TreeMemory| tree.file_kib,
            _ => |tree: TreeMemory| tree.shmem_kib,
        };
        let peak = TreeMemory::over_time(self.memory)
            .map(part)
            .max()
            .with_context(|| format!("{name}: the memory of this run was not sampled"))?;
        // A peak of memory in KiB is far below 2⁵³.
        Figure::parse(&format!("{:.1}", peak as f64 / 1024.0), "MiB")
    }

    fn of_account(&self, name: &str) -> Result<Figure> {
        let account = self.account.with_context(|| {
            format!("{name}: the processes of this run were not observed; a claim of it does that")
        })?;
        let count = |count: usize| Figure::parse(&count.to_string(), "");
        let told = |number: Option<u64>| {
            number.with_context(|| format!("{name}: one of its processes did not tell"))
        };
        // Memory in KiB is far below 2⁵³.
        let mib = |kib: u64| Figure::parse(&format!("{:.1}", kib as f64 / 1024.0), "MiB");
        match name {
            "tree_processes" => count(account.processes()),
            "tree_alive" => count(account.most_alive()),
            "tree_depth" => count(account.depth()),
            "tree_programs" => count(account.programs()),
            "tree_threads" => count(account.threads()),
            "tree_written" => {
                Figure::parse(&told(account.sum(|end| end.written))?.to_string(), "bytes")
            }
            "tree_read" => Figure::parse(&told(account.sum(|end| end.read))?.to_string(), "bytes"),
            "tree_faults" => Figure::parse(&told(account.sum(|end| end.faults))?.to_string(), ""),
            "tree_private" => mib(told(account.sum(|end| end.private_dirty))?),
            "most_private" => mib(told(account.most(|end| end.private_dirty))?),
            "most_resident" => mib(told(account.most(|end| end.peak_resident))?),
            _ => Figure::parse(&told(account.most(|end| end.descriptors))?.to_string(), ""),
        }
    }
}

/// The figure `name` of a record.
pub fn of_record(run: RunRef<'_>, record: &Record, name: &str) -> Result<Figure> {
    let figure = Measured::recorded(record).figure(run.listing, name);
    figure.with_context(|| format!("in the record of {}", run.full_name()))
}

/// The figure `name` of what the reference's program printed. It has no figures of
/// time and memory but those that it printed.
pub fn of_reference(run: RunRef<'_>, name: &str) -> Result<Figure> {
    let listing = run.listing;
    listing.require_figure(name)?;
    let at = || format!("in the reference's output of {}", run.full_name());
    if !listing.figures.contains_key(name) {
        return Err(anyhow!("{name} is not a figure of printed lines")).with_context(at);
    }
    let lines = run.require_reference()?;
    Measured {
        lines: &lines,
        seconds: 0.0,
        memory: &[],
        account: None,
    }
    .figure(listing, name)
    .with_context(at)
}

/// Why the record of that run has no figures of what its processes did: they were not observed.
pub fn unobserved_record(book: &Book, run: &str) -> Option<String> {
    let record = Record::load(book.run(run).ok()?, Size::Recorded).ok()??;
    unobserved(&record)
}

fn unobserved(record: &Record) -> Option<String> {
    record.header.live.account.is_none().then(|| {
        format!(
            "the record of {} does not say what its processes did",
            record.header.title
        )
    })
}

/// Figures of the reference's outputs: what claims on the reference need.
#[derive(Clone, Copy)]
pub struct ReferenceFigures<'a> {
    /// The book that the other runs belong to.
    pub book: &'a Book,
    /// The run at hand.
    pub run: RunRef<'a>,
}

impl FigureSource for ReferenceFigures<'_> {
    fn figure(&self, name: &FigureName) -> Result<Figure> {
        let run = match &name.run {
            Some(other) => self.book.run(other)?,
            None => self.run,
        };
        of_reference(run, &name.figure)
    }
}

/// Figures of a record, and of the other runs' records: what claims on a record need.
#[derive(Clone, Copy)]
pub struct RecordedFigures<'a> {
    /// The book that the other runs belong to.
    pub book: &'a Book,
    /// The run at hand.
    pub run: RunRef<'a>,
    /// Its record.
    pub record: &'a Record,
    /// Records that count in place of those on disk, by the full names of their runs: they
    /// were made together with this one.
    pub beside: &'a HashMap<String, Record>,
}

impl FigureSource for RecordedFigures<'_> {
    fn figure(&self, name: &FigureName) -> Result<Figure> {
        match &name.run {
            Some(other) if *other != self.run.full_name() => {
                let beside = self.beside.get(other);
                let other = self.book.run(other)?;
                if let Some(record) = beside {
                    return of_record(other, record, &name.figure);
                }
                let record = Record::load(other, Size::Recorded)?
                    .with_context(|| format!("{} has no record", other.full_name()))?;
                of_record(other, &record, &name.figure)
            }
            _ => of_record(self.run, self.record, &name.figure),
        }
    }

    fn unobserved(&self, name: &FigureName) -> Option<String> {
        if !figure::is_of_account(&name.figure) {
            return None;
        }
        match &name.run {
            Some(other) if *other != self.run.full_name() => match self.beside.get(other) {
                Some(record) => unobserved(record),
                None => unobserved_record(self.book, other),
            },
            _ => unobserved(self.record),
        }
    }

    fn absent(&self, run: &str) -> Option<String> {
        let other = self.book.run(run).ok()?;
        let there = run == self.run.full_name()
            || self.beside.contains_key(run)
            || other.record_path(Size::Recorded).exists();
        (!there).then(|| format!("{run} has no record"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::listing::tests::{book_with, one_run};
    use crate::record::line::lines_of;

    fn figures_of(text: &str, memory: &[MemorySample], name: &str) -> Result<String, String> {
        let (_dir, book) = book_with(&format!(
            "figures.t = {{ pattern = 't=(\\S+)', unit = 's' }}\n{}",
            one_run("")
        ));
        let book = book.expect("it is right");
        let lines = lines_of(text);
        Measured {
            lines: &lines,
            seconds: 1.234,
            memory,
            account: None,
        }
        .figure(&book.listings[0], name)
        .map(|figure| figure.to_string())
        .map_err(|error| format!("{error:#}"))
    }

    fn sample(seconds: f64, ordinal: usize, pss_kib: u64, shmem_kib: u64) -> MemorySample {
        MemorySample {
            seconds,
            process: "demo".into(),
            ordinal,
            pss_kib,
            anon_kib: pss_kib - shmem_kib,
            file_kib: 0,
            shmem_kib,
            private_dirty_kib: 0,
            unmapped_kib: 0,
        }
    }

    #[test]
    fn the_last_line_that_matches_counts() {
        assert_eq!(
            figures_of("t=1\nt=2_000\nx\n", &[], "t"),
            Ok("2_000 s".into())
        );
    }

    #[test]
    fn the_first_line_that_matches_counts_where_that_is_asked_for() {
        let (_dir, book) = book_with(&format!(
            "figures.t = {{ pattern = 't=(\\S+)', match = 'first' }}\n{}",
            one_run("")
        ));
        let book = book.expect("it is right");
        let lines = lines_of("x\nt=1\nt=2\n");
        let measured = Measured {
            lines: &lines,
            seconds: 0.0,
            memory: &[],
            account: None,
        };
        let figure = measured
            .figure(&book.listings[0], "t")
            .expect("it is there");
        assert_eq!(figure.value, 1.0);
    }

    #[test]
    fn a_figure_that_is_not_there_says_why() {
        assert_eq!(
            figures_of("x\n", &[], "t"),
            Err("t: `t=(\\S+)` matches no line".into())
        );
        assert_eq!(
            figures_of("t=soon\n", &[], "t"),
            Err("t: `soon` is not a number".into())
        );
        assert_eq!(
            figures_of("", &[], "tree_peak"),
            Err("tree_peak: the memory of this run was not sampled".into())
        );
    }

    #[test]
    fn peaks_are_sums_over_the_processes_of_one_sample() {
        let memory = [
            sample(0.0, 0, 1024, 0),
            sample(0.5, 0, 1024, 0),
            sample(0.5, 1, 3072, 512),
            sample(1.0, 0, 2048, 2048),
        ];
        assert_eq!(figures_of("", &memory, "tree_peak"), Ok("4.0 MiB".into()));
        assert_eq!(
            figures_of("", &memory, "tree_peak_anon"),
            Ok("3.5 MiB".into())
        );
        assert_eq!(
            figures_of("", &memory, "tree_peak_shmem"),
            Ok("2.0 MiB".into())
        );
        assert_eq!(figures_of("", &memory, "wall_s"), Ok("1.23 s".into()));
    }

    #[test]
    fn integers_beyond_f64_stay_exact() {
        let figure = Figure::parse("9007199254740993", "").expect("a number");
        assert_eq!(figure.integer(), Some(9_007_199_254_740_993));
        assert_eq!(Figure::parse("1.5", "").expect("a number").integer(), None);
    }
}
