//! Makes records.
//!
//! Runs that claims or charts compare are made in turns, as one series, after a warm-up: what
//! changes on the machine meanwhile then changes for all of them.

use std::collections::{BTreeMap, HashMap};
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result, bail, ensure};

use crate::book::chart::Shows;
use crate::book::claim::On;
use crate::book::listing::{Book, RunRef, Size};
use crate::judge::evidence::{self, Evidence};
use crate::judge::figures::{Figure, Measured, of_record};
use crate::judge::fingerprint::Fingerprints;
use crate::record::built_from::BuiltFrom;
use crate::record::cast::{Header, Provenance, Record};
use crate::record::line::{Line, Stream};
use crate::record::result::{Exit, RunResult};
use crate::run::cargo;
use crate::run::environment::COLUMNS;
use crate::run::host;
use crate::run::session::Session;
use crate::verbs::check::Report;

/// How often a run is made that is compared with others, and how often another.
const OF_COMPARED: usize = 7;
const OF_OTHERS: usize = 3;

/// What became of a recording.
#[derive(Debug, Clone)]
pub struct Recorded<'b> {
    /// The run.
    pub run: RunRef<'b>,
    /// Whether it was written.
    pub written: bool,
    /// Why the run was skipped, in its own words, if it was.
    pub skipped: Option<String>,
    /// What is wrong with the run or with its claims, a sentence each.
    pub faults: Vec<String>,
    /// The claims that could not be judged, a sentence each.
    pub warnings: Vec<String>,
    /// What was recorded before, and now.
    pub figures: Vec<BesideOld>,
}

/// A figure of a new record beside that of the one before.
#[derive(Debug, Clone, PartialEq)]
pub struct BesideOld {
    /// Its name.
    pub name: String,
    /// What was recorded before, where there is a record with this figure.
    pub old: Option<Figure>,
    /// What is recorded now.
    pub new: Figure,
}

/// How records are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordOptions {
    /// How often a run is made; the record is the one with the median of the figure
    /// that the run names. An odd number, since a median of two is none of them. `None`: 7
    /// times where it is compared with others, else 3 times, after a warm-up; once, without
    /// one, where the run says so.
    pub of: Option<usize>,
    /// Whether a run that fails, or on which a claim breaks, is written too.
    pub keep_broken: bool,
}

/// What is told while records are made.
#[derive(Debug, Clone, Copy)]
pub enum Progress<'a> {
    /// A run begins: the first of so many is the warm-up.
    Begins {
        /// The run.
        run: RunRef<'a>,
        /// Which time; 0 is the warm-up.
        nth: usize,
        /// Of how many after the warm-up.
        of: usize,
    },
    /// It prints.
    Prints(&'a Line),
}

/// The runs in groups, in order: those that claims or charts compare are one group.
pub fn series<'b>(book: &'b Book, runs: &[RunRef<'b>]) -> Vec<Vec<RunRef<'b>>> {
    let names: Vec<String> = runs.iter().map(RunRef::full_name).collect();
    let place = |name: &str| names.iter().position(|known| known == name);
    // The group of each run: the place of its first.
    let mut group: Vec<usize> = (0..runs.len()).collect();
    let mut join = |one: Option<usize>, other: Option<usize>| {
        if let (Some(one), Some(other)) = (one, other) {
            let (one, other) = (group[one], group[other]);
            let (first, last) = (one.min(other), one.max(other));
            for of in &mut group {
                if *of == last {
                    *of = first;
                }
            }
        }
    };
    for (run, claim, figure) in book.named_figures() {
        if let Some(other) = &figure.run
            && claim.on != On::Reference
        {
            join(place(&run.full_name()), place(other));
        }
    }
    for listing in &book.listings {
        for chart in &listing.charts {
            if let Shows::Figures { runs, .. } = &chart.shows {
                let places: Vec<Option<usize>> = runs
                    .iter()
                    .map(|run| place(&format!("{}/{run}", listing.name)))
                    .collect();
                places.windows(2).for_each(|pair| join(pair[0], pair[1]));
            }
        }
    }
    let mut series: BTreeMap<usize, Vec<RunRef<'b>>> = BTreeMap::new();
    for (run, group) in runs.iter().zip(group) {
        series.entry(group).or_default().push(*run);
    }
    series.into_values().collect()
}

/// Makes the runs of a series in turns at their recorded size, and each once at its quick size,
/// and writes the records in place of earlier ones. One that was skipped or stopped is never
/// written.
///
/// # Errors
///
/// When the session was stopped, or a record cannot be written. What is wrong with one of the
/// runs is among what became of it.
pub fn record<'b>(
    session: &Session<'b>,
    series: &[RunRef<'b>],
    how: RecordOptions,
    watch: &mut dyn FnMut(Progress<'_>),
) -> Result<Vec<Recorded<'b>>> {
    let times = how.of.unwrap_or(match series.len() {
        1 => OF_OTHERS,
        _ => OF_COMPARED,
    });
    let mut fingerprints = Fingerprints::default();
    let mut tries: Vec<Tries<'b>> = Vec::with_capacity(series.len());
    for run in series {
        cargo::lock(*run);
        // Before the build: what is edited while the run goes on makes its record stale.
        let (built_from, ended) = match fingerprints.of_run(*run) {
            Ok(built_from) => (built_from, None),
            Err(error) => {
                let failed = Ended::Failed(vec![format!("{error:#}")]);
                (BuiltFrom::default(), Some(failed))
            }
        };
        let once = run.run.once && how.of.is_none();
        // What cargo says when it builds the dependencies is no part of what it says of the listing.
        let builds = run.run.program.is_typed() && !built_from.dependencies.is_empty();
        tries.push(Tries {
            run: *run,
            once,
            warm_up: !once || builds,
            built_from,
            made: Vec::with_capacity(times),
            ended,
        });
    }
    for nth in 0..=times {
        for tries in &mut tries {
            tries.make(session, nth, times, watch)?;
        }
    }
    let mut records: HashMap<String, Record> = HashMap::new();
    let mut recorded = Vec::new();
    for tries in tries {
        let (run, ended) = (tries.run, tries.ended.clone());
        let mut became = Recorded {
            run,
            written: false,
            skipped: None,
            faults: Vec::new(),
            warnings: Vec::new(),
            figures: Vec::new(),
        };
        match ended {
            Some(Ended::Skipped(why)) => became.skipped = Some(why),
            Some(Ended::Failed(faults)) => became.faults = faults,
            None => {}
        }
        if let Some(record) = tries.median()? {
            records.insert(run.full_name(), record);
        }
        recorded.push(became);
    }
    for became in &mut recorded {
        let Some(record) = records.get(&became.run.full_name()) else {
            continue;
        };
        let mut report = Report::default();
        let evidence = Evidence::RecordedBeside(record, &records);
        let judged = evidence::judge(session.book, became.run, evidence);
        report.count(became.run, judged.claims, "");
        let quick = quick_record(session, became.run, record, &mut report)?;
        became.faults.extend(report.faults);
        became.warnings.extend(report.warnings);
        became.figures = beside_old(became.run, record)?;
        if became.skipped.is_none() && (became.faults.is_empty() || how.keep_broken) {
            match save(became.run, record, quick.as_ref()) {
                Ok(()) => became.written = true,
                Err(error) => became.faults.push(format!("{error:#}")),
            }
        }
    }
    Ok(recorded)
}

/// Makes a result the record of its run, with that of the quick size, where that is another.
///
/// # Errors
///
/// When they cannot be written, or the run fails at its quick size.
pub fn keep<'b>(
    session: &Session<'b>,
    run: RunRef<'b>,
    result: RunResult,
    built_from: BuiltFrom,
) -> Result<()> {
    let of = vec![
        Measured::of(&result)
            .figure(run.listing, &run.run.rank_by)?
            .value,
    ];
    let record = record_of(run, Size::Recorded, result, built_from, of, 0)?;
    let mut report = Report::default();
    let quick = quick_record(session, run, &record, &mut report)?;
    ensure!(report.faults.is_empty(), report.faults.join("; "));
    save(run, &record, quick.as_ref())
}

/// Writes a record and that of the quick size: both are on the disk before one of them counts.
fn save(run: RunRef<'_>, record: &Record, quick: Option<&Record>) -> Result<()> {
    let quick = quick
        .map(|quick| quick.written(run, Size::Quick))
        .transpose()?;
    let record = record.written(run, Size::Recorded)?;
    if let Some(quick) = quick {
        quick.take_its_place()?;
    }
    record.take_its_place()
}

/// What a run has given so far.
struct Tries<'b> {
    run: RunRef<'b>,
    /// Whether it is made once.
    once: bool,
    /// Whether it is made once before that does not count.
    warm_up: bool,
    built_from: BuiltFrom,
    /// Its results, each with the figure by which the median is chosen.
    made: Vec<(f64, RunResult)>,
    /// Why it is not made any more.
    ended: Option<Ended>,
}

/// Why a run is not made any more.
#[derive(Clone)]
enum Ended {
    Skipped(String),
    Failed(Vec<String>),
}

impl<'b> Tries<'b> {
    /// Makes the run; the time 0 is the warm-up. One that fails or is skipped ends its tries: it
    /// is the one to look at.
    fn make(
        &mut self,
        session: &Session<'b>,
        nth: usize,
        of: usize,
        watch: &mut dyn FnMut(Progress<'_>),
    ) -> Result<()> {
        let is_made = match nth {
            0 => self.warm_up,
            1 => true,
            _ => !self.once,
        };
        if self.ended.is_some() || !is_made {
            return Ok(());
        }
        let of = if self.once { 1 } else { of };
        let run = self.run;
        watch(Progress::Begins { run, nth, of });
        let made = session.run(run, Size::Recorded, run.run.memory, &mut |line| {
            watch(Progress::Prints(line));
        });
        let result = match made {
            Ok(result) => result,
            Err(error) if session.stop.is_requested() => return Err(error),
            Err(error) => {
                self.ended = Some(Ended::Failed(vec![format!("{error:#}")]));
                return Ok(());
            }
        };
        if result.end == Exit::Stopped {
            bail!("stopped");
        }
        let faults = result.faults(run.run.status);
        if let Some(why) = result.skipped() {
            self.ended = Some(Ended::Skipped(why));
            return Ok(());
        }
        let figure = Measured::of(&result).figure(run.listing, &run.run.rank_by);
        match (faults.is_empty(), figure) {
            (true, Ok(figure)) if nth > 0 => self.made.push((figure.value, result)),
            (true, Ok(_)) => {}
            (true, Err(error)) => self.ended = Some(Ended::Failed(vec![format!("{error:#}")])),
            (false, figure) => {
                self.ended = Some(Ended::Failed(faults));
                self.made = vec![(figure.map_or(0.0, |figure| figure.value), result)];
            }
        }
        Ok(())
    }

    /// The record of the run with the median; of one that failed, that run's; of one that was
    /// skipped or not started, none.
    fn median(mut self) -> Result<Option<Record>> {
        if self.made.is_empty() || matches!(self.ended, Some(Ended::Skipped(_))) {
            return Ok(None);
        }
        self.made.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        let of = self.made.iter().map(|(value, _)| *value).collect();
        let (_, median) = self.made.swap_remove(self.made.len() / 2);
        let warm_ups = usize::from(self.warm_up);
        record_of(
            self.run,
            Size::Recorded,
            median,
            self.built_from,
            of,
            warm_ups,
        )
        .map(Some)
    }
}

/// The record of the quick size, where that is another; what is wrong with it goes to `report`.
fn quick_record<'b>(
    session: &Session<'b>,
    run: RunRef<'b>,
    recorded: &Record,
    report: &mut Report,
) -> Result<Option<Record>> {
    if run.has_one_size() {
        return Ok(None);
    }
    let result = match session.quick(run) {
        Ok(result) => RunResult::clone(&result),
        Err(error) if session.stop.is_requested() => return Err(error),
        Err(error) => {
            report.faults.push(format!("at the quick size: {error:#}"));
            return Ok(None);
        }
    };
    let judged = session.judge(run, Size::Quick, &result, None);
    let faults = judged.faults.iter();
    let faults = faults.map(|fault| format!("at the quick size it {fault}"));
    report.faults.extend(faults);
    report.count(run, judged.claims, " at the quick size");
    let of = vec![result.seconds];
    let built_from = recorded.header.live.built_from.clone();
    let mut record = record_of(run, Size::Quick, result, built_from, of, 0)?;
    // What claims say of memory is judged on the recorded size.
    record.memory = Vec::new();
    Ok(Some(record))
}

/// The figures of a new record, each beside that of the record before.
fn beside_old(run: RunRef<'_>, new: &Record) -> Result<Vec<BesideOld>> {
    // A record that cannot be read any more is replaced without a word on it.
    let old = Record::load(run, Size::Recorded).unwrap_or_default();
    let names = run.listing.figures.keys().map(String::as_str);
    let names = names.chain(["wall_s", "tree_peak"]);
    let figures = names.filter_map(|name| {
        let new = of_record(run, new, name).ok()?;
        let old = old.as_ref().and_then(|old| of_record(run, old, name).ok());
        Some(BesideOld {
            name: name.to_owned(),
            old,
            new,
        })
    });
    Ok(figures.collect())
}

fn record_of(
    run: RunRef<'_>,
    size: Size,
    outcome: RunResult,
    built_from: BuiltFrom,
    of: Vec<f64>,
    warm_ups: usize,
) -> Result<Record> {
    let began = outcome.began.duration_since(UNIX_EPOCH);
    let rows = outcome.lines.len().clamp(10, 50);
    Ok(Record {
        header: Header {
            version: 2,
            width: COLUMNS,
            height: u32::try_from(rows)?,
            timestamp: began.context("the clock is set before 1970")?.as_secs(),
            duration: outcome.seconds,
            title: run.full_name(),
            command: run.command(size),
            env: run.run.env.iter().cloned().collect(),
            live: Provenance {
                host: host::card(&run.listing.dir)?,
                args: run.run.args(size).to_vec(),
                exit: outcome.exit_code(),
                built_from,
                stderr: printed_on(Stream::Error, &outcome.lines),
                client: printed_on(Stream::Client, &outcome.lines),
                imported: None,
                around: run.around(),
                by: match size {
                    Size::Recorded => run.run.rank_by.clone(),
                    Size::Quick => "wall_s".to_owned(),
                },
                of,
                warm_ups,
                data_limit: run.run.data_limit,
                account: outcome.observation.account().cloned(),
            },
        },
        lines: outcome.lines,
        marks: outcome.marks,
        memory: outcome.memory,
    })
}

/// The places of the lines that were printed there.
fn printed_on(stream: Stream, lines: &[Line]) -> Vec<usize> {
    let lines = lines.iter().enumerate();
    let there = lines.filter(|(_, line)| line.stream == stream);
    there.map(|(at, _)| at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::listing::Book;
    use crate::book::listing::tests::book_with;
    use crate::run::stop::Stop;

    /// What became of one run, made once.
    fn made_once(session: &Session<'_>, keep_broken: bool) -> Outcome {
        let run = session.book.run("demo/a").expect("it is there");
        let how = RecordOptions {
            of: Some(1),
            keep_broken,
        };
        let made = record(session, &[run], how, &mut |_| {}).expect("sh starts");
        Outcome {
            written: made[0].written,
            skipped: made[0].skipped.clone(),
            faults: made[0].faults.clone(),
        }
    }

    struct Outcome {
        written: bool,
        skipped: Option<String>,
        faults: Vec<String>,
    }

    fn recorded(script: &str, keep_broken: bool) -> (tempfile::TempDir, Book, Outcome) {
        let (dir, book) = book_with(&format!(
            "[[run]]\nname = 'a'\ncaption = 'A'\ntimeout = '60s'\nargs = ['-c', '''{script}''']\n\
             [[run.claim]]\nsays = 'Once'\ncount = {{ lines = 'Main', is = 1 }}\n"
        ));
        let book = book.expect("it is right");
        let session = Session::new(&book, Stop::default());
        session.use_program("demo", "/bin/sh");
        let made = made_once(&session, keep_broken);
        (dir, book, made)
    }

    fn on_disk(book: &Book) -> Option<Record> {
        Record::load(book.run("demo/a").expect("it is there"), Size::Recorded)
            .expect("it can be read")
    }

    #[test]
    fn a_record_holds_what_was_run_where_and_with_its_memory() {
        let (_dir, book, made) = recorded("echo Main; sleep 0.1", false);
        assert!(made.written && made.faults.is_empty());
        let record = on_disk(&book).expect("it was written");
        assert_eq!(record.header.title, "demo/a");
        assert_eq!(
            record.header.command,
            "cargo run -- -c 'echo Main; sleep 0.1'"
        );
        assert!(record.header.duration >= record.lines[0].seconds);
        assert!(!record.memory.is_empty());
        let run = book.run("demo/a").expect("it is there");
        assert_eq!(
            record.staleness(run, Size::Recorded).expect("sources"),
            None
        );
    }

    #[test]
    fn the_record_is_the_run_with_the_median_of_its_figure() {
        // Each of the three runs prints another figure, in no order, and the warm-up a word.
        let script = "echo x >> times; case $(wc -l < times) in \
                      1) echo Main t=0;; 2) echo Main t=9;; 3) echo Main t=1;; *) echo Main t=5;; esac";
        let (_dir, book) = book_with(&format!(
            "figures.t = {{ pattern = 't=(.)' }}\n[[run]]\nname = 'a'\ncaption = 'A'\n\
             rank_by = 't'\ntimeout = '60s'\nargs = ['-c', '''{script}''']\n"
        ));
        let book = book.expect("it is right");
        let session = Session::new(&book, Stop::default());
        session.use_program("demo", "/bin/sh");
        let run = book.run("demo/a").expect("it is there");
        let how = RecordOptions {
            of: Some(3),
            keep_broken: false,
        };
        let made = record(&session, &[run], how, &mut |_| {}).expect("sh starts");
        assert!(made[0].written);
        let record = Record::load(run, Size::Recorded).expect("it can be read");
        let record = record.expect("it was written");
        assert_eq!(record.lines[0].text(), "Main t=5");
        assert_eq!(record.header.live.of, [1.0, 5.0, 9.0]);
    }

    #[test]
    fn runs_that_are_compared_are_made_in_turns_and_judged_on_their_new_records() {
        let run = |name: &str, script: &str, rest: &str| {
            format!(
                "[[run]]\nname = '{name}'\ncaption = 'A'\ntimeout = '60s'\n\
                 args = ['-c', 'echo {name} >> turns; {script}']\n{rest}"
            )
        };
        let ratio =
            "[[run.claim]]\nsays = 'Twice'\nratio = { figure = 't', to = 'demo/b t', is = 2 }\n";
        let toml = format!(
            "figures.t = {{ pattern = 't=(.)' }}\n{}{}{}",
            run("a", "echo t=4", ratio),
            run("b", "echo t=2", ""),
            run("alone", "echo t=1", ""),
        );
        let (dir, book) = book_with(&toml);
        let book = book.expect("it is right");
        let runs: Vec<RunRef<'_>> = book.runs().collect();
        let series = series(&book, &runs);
        let names = |runs: &Vec<RunRef<'_>>| -> Vec<String> {
            runs.iter().map(|run| run.run.name.clone()).collect()
        };
        assert_eq!(
            series.iter().map(names).collect::<Vec<_>>(),
            [vec!["a".to_owned(), "b".into()], vec!["alone".into()]]
        );
        let session = Session::new(&book, Stop::default());
        session.use_program("demo", "/bin/sh");
        // What was recorded before would break the claim.
        let mut old = crate::record::cast::tests::record_of("t=9\n");
        old.header.duration = 1.0;
        old.save(runs[1], Size::Recorded)
            .expect("it can be written");
        let how = RecordOptions {
            of: Some(3),
            keep_broken: false,
        };
        let made = record(&session, &series[0], how, &mut |_| {}).expect("sh starts");
        assert!(
            made.iter()
                .all(|made| made.written && made.faults.is_empty())
        );
        let turns = std::fs::read_to_string(dir.path().join("listings/demo/turns"));
        assert_eq!(turns.expect("they ran"), "a\nb\n".repeat(4));
        let of_b = made[1].figures.iter().find(|figure| figure.name == "t");
        let of_b = of_b.expect("it is printed");
        let old = of_b.old.as_ref().map(|old| old.text.as_str());
        assert_eq!((old, of_b.new.text.as_str()), (Some("9"), "2"));
    }

    #[test]
    fn a_run_that_makes_its_own_rounds_is_made_once_unless_a_number_is_asked_for() {
        let (dir, book) = book_with(
            "[[run]]\nname = 'a'\nonce = true\nargs = ['-c', 'echo x >> times; echo Main']\n",
        );
        let book = book.expect("it is right");
        let session = Session::new(&book, Stop::default());
        session.use_program("demo", "/bin/sh");
        let run = book.run("demo/a").expect("it is there");
        for (of, made, warm_ups) in [(None, 1, 0), (Some(3), 1 + 4, 1)] {
            let how = RecordOptions {
                of,
                keep_broken: false,
            };
            record(&session, &[run], how, &mut |_| {}).expect("sh starts");
            let times = std::fs::read_to_string(dir.path().join("listings/demo/times"));
            assert_eq!(times.expect("it ran").lines().count(), made);
            let live = on_disk(&book).expect("it was written").header.live;
            assert_eq!((live.of.len(), live.warm_ups), (of.unwrap_or(1), warm_ups));
        }
    }

    #[test]
    fn a_quick_size_has_a_record_of_its_own_without_memory() {
        let toml = "[[run]]\nname = 'a'\ncaption = 'A'\ntimeout = '60s'\nargs = ['-c', 'echo large']\n\
                    quick = { args = ['-c', 'echo small'] }\n";
        let (_dir, book) = book_with(toml);
        let book = book.expect("it is right");
        let session = Session::new(&book, Stop::default());
        session.use_program("demo", "/bin/sh");
        assert!(made_once(&session, false).written);
        let run = book.run("demo/a").expect("it is there");
        for (size, text, warm_ups) in [(Size::Recorded, "large", 1), (Size::Quick, "small", 0)] {
            let record = Record::load(run, size).expect("it can be read");
            let record = record.expect("it was written");
            assert_eq!(record.lines[0].text(), text);
            assert_eq!(record.header.live.warm_ups, warm_ups);
            assert_eq!(record.staleness(run, size).expect("sources"), None);
        }
    }

    #[test]
    fn a_run_that_breaks_a_claim_or_fails_is_not_written() {
        let (_dir, book, made) = recorded("echo Main; echo Main", false);
        assert_eq!(
            made.faults,
            ["the claim \"Once\" does not hold: 2 lines, not 1"]
        );
        assert!(!made.written && on_disk(&book).is_none());

        let (_dir, book, made) = recorded("echo Main; exit 2", false);
        assert_eq!(made.faults, ["ended with exit code 2, not 0: Main"]);
        assert!(!made.written && on_disk(&book).is_none());
    }

    #[test]
    fn it_is_written_when_that_is_asked_for() {
        let (_dir, book, made) = recorded("echo Main; exit 2", true);
        assert!(made.written && !made.faults.is_empty());
        assert_eq!(on_disk(&book).expect("it was written").header.live.exit, 2);
    }

    #[test]
    fn a_skipped_run_is_never_written() {
        let (_dir, book, made) = recorded("echo no room; exit 77", true);
        assert_eq!(made.skipped.as_deref(), Some("no room"));
        assert!(!made.written && on_disk(&book).is_none());
    }
}
