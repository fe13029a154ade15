//! The command line: the one place that parses arguments and prints results.

mod serve;
pub(crate) mod terminal;

use std::fmt;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand};

use self::serve::ServeOptions;
use self::terminal::Terminal;
use crate::book::claim::By;
use crate::book::listing::{Book, RunRef, Size};
use crate::chapter;
use crate::judge::agreement;
use crate::judge::checks::{Judgement, Lines};
use crate::judge::evidence;
use crate::record::cast::{HostCard, Record};
use crate::record::line::lines_of;
use crate::run::runner::Stop;
use crate::run::session::{LiveFigures, Session};
use crate::run::shutdown;
use crate::text::ansi;
use crate::text::words::counted;
use crate::verbs::build;
use crate::verbs::check::{self, Report};
use crate::verbs::record::{self, RecordOptions};

/// Runs, records, checks and serves the listings of a book
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    /// The book's folder; else the nearest one upwards that has a book.toml
    #[arg(long, global = true, value_name = "DIR")]
    root: Option<PathBuf>,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Build the book, serve it, rebuild on change (the default)
    Serve(ServeOptions),
    /// Build the book
    Build {
        /// Where to put it, instead of where book.toml says
        #[arg(long, value_name = "DIR")]
        dest: Option<PathBuf>,
        /// Make every run at its quick size, and show it in the Live columns
        #[arg(long)]
        live: bool,
    },
    /// List the runs and their records
    List,
    /// Run a run at its quick size, beside its record, and judge its claims
    Run {
        /// LISTING/RUN
        run: String,
        /// Run it at the size of its record
        #[arg(long)]
        recorded_size: bool,
    },
    /// Run at quick size, judge the claims, compare with the records
    Check {
        /// LISTING/RUN; none is all
        #[arg(value_name = "RUN")]
        runs: Vec<String>,
    },
    /// Run at the recorded size and write the records
    Record {
        /// LISTING/RUN; none is all
        #[arg(value_name = "RUN")]
        runs: Vec<String>,
        /// Make each run so often, an odd number, and keep the one with the median of its figure
        #[arg(long, value_name = "N", default_value = "3", value_parser = odd)]
        of: usize,
        /// Write a record also when the run failed or broke a claim
        #[arg(long)]
        keep_broken: bool,
    },
    /// Expand a book's directives: mdBook calls this, with the book on standard input
    Preprocess {
        #[command(subcommand)]
        question: Option<Question>,
    },
    /// Tell whether a renderer is supported: mdBook asks this
    Supports {
        /// As in [output.RENDERER]
        renderer: String,
    },
}

/// What mdBook asks a preprocessor: it appends this to the command of `book.toml`.
#[derive(Debug, Subcommand)]
enum Question {
    /// Tell whether a renderer is supported
    Supports {
        /// As in [output.RENDERER]
        renderer: String,
    },
}

/// The arguments are wrong: one line, exit status 2.
#[derive(Debug)]
pub struct UsageError(pub String);

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UsageError {}

/// RecordOptions a verb ended that could do its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ExitStatus {
    /// Nothing is wrong.
    Success,
    /// A run or a claim failed; it has been said.
    Failure,
}

/// The whole program.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if !error.use_stderr() => {
            // Help or version. There is nothing to do where it cannot be printed.
            let _ = error.print();
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("{}", usage_line(&error.to_string()));
            return ExitCode::from(2);
        }
    };
    match dispatch(arguments) {
        Ok(ExitStatus::Success) => ExitCode::SUCCESS,
        Ok(ExitStatus::Failure) => ExitCode::FAILURE,
        // `… | head`: whoever read has read enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            match error.downcast_ref::<UsageError>() {
                Some(_) => ExitCode::from(2),
                None => ExitCode::FAILURE,
            }
        }
    }
}

/// clap's message in one line: its first paragraph, and where to read the rest.
fn usage_line(message: &str) -> String {
    let first = message.split("\n\n").next().unwrap_or_default();
    let words: Vec<&str> = first.split_whitespace().collect();
    format!("{}; see mdbook-live --help", words.join(" "))
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<std::io::Error>();
    io.is_some_and(|io| io.kind() == ErrorKind::BrokenPipe)
}

fn dispatch(arguments: Arguments) -> Result<ExitStatus> {
    let root = arguments.root;
    match arguments
        .verb
        .unwrap_or(Verb::Serve(ServeOptions::default()))
    {
        Verb::Serve(options) => {
            serve::serve(&book_root(root)?, &options)?;
            Ok(ExitStatus::Success)
        }
        Verb::Build { dest, live: false } => build(&book_root(root)?, dest.as_deref()),
        Verb::Build { dest, live: true } => in_session(root, |session, terminal, out| {
            build_live(session, dest.as_deref(), terminal, out)
        }),
        Verb::Preprocess { question: None } => preprocess(),
        Verb::Supports { renderer }
        | Verb::Preprocess {
            question: Some(Question::Supports { renderer }),
        } => supports(&renderer),
        Verb::List => {
            let book = Book::open(&book_root(root)?)?;
            list(&book, Terminal::of_stdout(), &mut std::io::stdout().lock())
        }
        Verb::Run { run, recorded_size } => {
            let size = match recorded_size {
                true => Size::Recorded,
                false => Size::Quick,
            };
            in_session(root, |session, terminal, out| {
                run_one(session, &run, size, terminal, out)
            })
        }
        Verb::Check { runs } => in_session(root, |session, terminal, out| {
            check_all(session, &runs, terminal, out)
        }),
        Verb::Record {
            runs,
            of,
            keep_broken,
        } => in_session(root, |session, terminal, out| {
            record_all(
                session,
                &runs,
                RecordOptions { of, keep_broken },
                terminal,
                out,
            )
        }),
    }
}

/// Runs a verb that makes runs: who tells this program to end ends the run under
/// way, and then the verb.
fn in_session(
    root: Option<PathBuf>,
    verb: impl FnOnce(&Session<'_>, Terminal, &mut dyn Write) -> Result<ExitStatus>,
) -> Result<ExitStatus> {
    let book = Book::open(&book_root(root)?)?;
    let stop = Stop::default();
    let request = stop.clone();
    shutdown::on_shutdown(move || request.request())?;
    let session = Session::new(&book, stop).on_broken_build(show_diagnostics);
    verb(
        &session,
        Terminal::of_stdout(),
        &mut std::io::stdout().lock(),
    )
}

/// Shows what a compiler says, in its colours where standard error takes them.
fn show_diagnostics(diagnostics: &str) {
    let colour = supports_color::on(supports_color::Stream::Stderr).is_some();
    for line in diagnostics.lines() {
        if colour {
            eprintln!("{line}");
        } else {
            let pieces = ansi::pieces(line).into_iter();
            eprintln!("{}", pieces.map(|piece| piece.text).collect::<String>());
        }
    }
}

fn build(root: &Path, dest: Option<&Path>) -> Result<ExitStatus> {
    let built = build::build(root, dest)?;
    println!("Built {}", built.display());
    Ok(ExitStatus::Success)
}

fn build_live(
    session: &Session<'_>,
    dest: Option<&Path>,
    terminal: Terminal,
    out: &mut dyn Write,
) -> Result<ExitStatus> {
    let (built, failed) = build::build_live(session, dest)?;
    writeln!(out, "Built {}", built.display())?;
    for fault in &failed {
        writeln!(out, "{} {fault}", terminal.bad("✘"))?;
    }
    Ok(match failed.is_empty() {
        true => ExitStatus::Success,
        false => ExitStatus::Failure,
    })
}

fn preprocess() -> Result<ExitStatus> {
    chapter::preprocess(std::io::stdin().lock(), std::io::stdout().lock())?;
    Ok(ExitStatus::Success)
}

fn supports(renderer: &str) -> Result<ExitStatus> {
    match chapter::supports(renderer) {
        true => Ok(ExitStatus::Success),
        false => Ok(ExitStatus::Failure),
    }
}

fn book_root(given: Option<PathBuf>) -> Result<PathBuf> {
    match given {
        Some(root) if root.join("book.toml").is_file() => root
            .canonicalize()
            .with_context(|| format!("cannot find {}", root.display())),
        Some(root) => {
            let message = format!(
                "--root {}: accepted is a folder with a book.toml",
                root.display()
            );
            Err(UsageError(message).into())
        }
        None => {
            Book::find_root(&std::env::current_dir().context("cannot tell the working directory")?)
        }
    }
}

/// The runs with those names, or all.
fn chosen<'b>(book: &'b Book, names: &[String]) -> Result<Vec<RunRef<'b>>> {
    if names.is_empty() {
        return Ok(book.runs().collect());
    }
    let runs = names.iter().map(|name| book.run(name));
    runs.map(|run| run.map_err(|error| UsageError(error.to_string()).into()))
        .collect()
}

/// The width of the longest name, so that what follows stands in a column.
fn name_width(runs: &[RunRef<'_>]) -> usize {
    runs.iter()
        .map(|run| run.full_name().len())
        .max()
        .unwrap_or(0)
}

fn list(book: &Book, terminal: Terminal, out: &mut dyn Write) -> Result<ExitStatus> {
    let runs: Vec<RunRef<'_>> = book.runs().collect();
    let width = name_width(&runs);
    for run in runs {
        let recorded = match Record::load(run) {
            Ok(None) => terminal.warning("not recorded"),
            Ok(Some(record)) => match record.staleness(run)? {
                None => format!("recorded {}", record.header.date()),
                Some(why) => terminal.warning(&format!("stale: {why}")),
            },
            Err(error) => terminal.bad(&format!("{error:#}")),
        };
        writeln!(
            out,
            "{:width$}  {}\n{:width$}  {}; {recorded}",
            run.full_name(),
            run.run.caption,
            "",
            counted(run.run.claims.len(), "claim"),
        )?;
    }
    Ok(ExitStatus::Success)
}

fn run_one(
    session: &Session<'_>,
    name: &str,
    size: Size,
    terminal: Terminal,
    out: &mut dyn Write,
) -> Result<ExitStatus> {
    let book = session.book;
    let run = chosen(book, &[name.to_owned()])?[0];
    writeln!(out, "{}: {}", terminal.strong(name), run.run.caption)?;
    writeln!(
        out,
        "{}\n",
        terminal.faint(&format!(
            "in {}: {}",
            book.relative(&run.listing.dir).display(),
            run.command(size)
        ))
    )?;
    out.flush()?;

    let record = Record::load(run)?;
    let memory = match size {
        Size::Recorded => run.run.memory,
        Size::Quick => book.quick_run_needs_memory(run),
    };
    let outcome = session.run(run, size, memory, &mut |_| {})?;
    let live = lines_of(&outcome.events);
    let mut well = true;

    let live_heading = format!(
        "Live, {}, {:.2} s",
        match size {
            Size::Quick => "quick size",
            Size::Recorded => "recorded size",
        },
        outcome.seconds
    );
    let recorded = record.as_ref().map(Record::lines).unwrap_or_default();
    let varies = &run.listing.varies;
    if let Some(record) = &record {
        let table = terminal.compare(
            (&heading(record), &recorded),
            (&live_heading, &live),
            varies,
        );
        writeln!(out, "{table}")?;
    } else {
        writeln!(out, "{}", terminal.strong(&live_heading))?;
        for line in &live {
            let shown = if terminal.colour {
                &line.raw
            } else {
                &line.text
            };
            writeln!(out, "{shown}")?;
        }
        writeln!(out, "\n{}", terminal.warning("! not recorded yet"))?;
    }

    for fault in outcome.faults(run.run.exit) {
        well = false;
        writeln!(out, "{} {fault}", terminal.bad("✘ the run"))?;
    }
    if let Some(why) = outcome.skipped() {
        writeln!(out, "{}", terminal.warning(&format!("skipped: {why}")))?;
        return Ok(ExitStatus::Success);
    }
    if let Some(record) = &record {
        let found = agreement::compare(&live, &recorded, varies);
        if found.agrees() {
            writeln!(out, "{} {}", terminal.good("✔"), found.words())?;
        } else {
            well = false;
            writeln!(out, "{} {}", terminal.bad("✘"), found.words())?;
            for difference in agreement::differences(&found) {
                writeln!(out, "    {}", terminal.bad(&difference))?;
            }
        }
        if let Some(why) = record.staleness(run)? {
            writeln!(
                out,
                "{}",
                terminal.warning(&format!("! the record is stale: {why}"))
            )?;
        }
    }

    let figures = LiveFigures {
        session,
        run,
        size,
        outcome: &outcome,
    };
    let standings = evidence::judged(book, run, size, &Lines::from(&live[..]), &figures);
    let judged = standings.len();
    for (claim, standing) in standings {
        let (mark, seen) = match standing {
            Judgement::Decided(verdict) if verdict.holds => {
                well &= !claim.refuted;
                (terminal.good("✔ holds"), format!("seen: {}", verdict.seen))
            }
            Judgement::Decided(verdict) => {
                well &= claim.is_as_the_book_says(&verdict);
                (
                    terminal.bad("✘ does not hold"),
                    format!("seen: {}", verdict.seen),
                )
            }
            Judgement::Undecided(why) => (terminal.warning("! not judged"), why),
        };
        let by = match claim.by {
            By::Notes => "the notes say",
            By::Book => "the book says",
        };
        writeln!(out, "{mark}: {} ({by})", claim.says)?;
        let qualified = claim.verdict.iter().map(|verdict| format!("; {verdict}"));
        writeln!(out, "    {}{}", seen, qualified.collect::<String>())?;
    }
    let left = run.run.claims.len() - judged;
    if left > 0 {
        let words = format!(
            "{} of the recorded size alone: see check",
            counted(left, "claim")
        );
        writeln!(out, "{}", terminal.faint(&words))?;
    }
    if session.stop.is_requested() {
        bail!("stopped");
    }
    Ok(if well {
        ExitStatus::Success
    } else {
        ExitStatus::Failure
    })
}

/// A number of runs that has a median among them.
fn odd(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if number % 2 == 1 && number < 100 => Ok(number),
        _ => Err("an odd number up to 99 is accepted".to_owned()),
    }
}

/// When and where a record was made.
fn heading(record: &Record) -> String {
    let HostCard {
        cpu,
        cores,
        memory_mib,
        ..
    } = &record.header.live.host;
    format!(
        "Recorded {}, {cpu}, {}, {memory_mib} MiB, {:.2} s",
        record.header.date(),
        counted(*cores, "core"),
        record.header.duration
    )
}

fn check_all(
    session: &Session<'_>,
    names: &[String],
    terminal: Terminal,
    out: &mut dyn Write,
) -> Result<ExitStatus> {
    let runs = chosen(session.book, names)?;
    let width = name_width(&runs);
    let (mut passed, mut skipped, mut failed) = (0, 0, 0);
    for run in &runs {
        let report = check::check(session, *run)?;
        let mark = match &report {
            report if !report.faults.is_empty() => {
                failed += 1;
                terminal.bad("✘")
            }
            report if report.skipped.is_some() => {
                skipped += 1;
                terminal.warning("-")
            }
            _ => {
                passed += 1;
                terminal.good("✔")
            }
        };
        writeln!(
            out,
            "{mark} {:width$}  {}",
            run.full_name(),
            in_words(&report)
        )?;
        for fault in &report.faults {
            writeln!(out, "    {}", terminal.bad(fault))?;
        }
        for warning in &report.warnings {
            writeln!(
                out,
                "    {}",
                terminal.warning(&format!("warning: {warning}"))
            )?;
        }
        out.flush()?;
    }
    let mut summary = format!("{}: {passed} passed", counted(runs.len(), "run"));
    if skipped > 0 {
        summary += &format!(", {skipped} skipped");
    }
    if failed > 0 {
        summary += &format!(", {failed} failed");
    }
    writeln!(out, "{summary}")?;
    Ok(if failed == 0 {
        ExitStatus::Success
    } else {
        ExitStatus::Failure
    })
}

/// A report's one line, after the run's name.
fn in_words(report: &Report) -> String {
    let mut words = Vec::new();
    if let Some(seconds) = report.seconds {
        words.push(format!("{seconds:.2} s"));
    }
    if let Some(why) = &report.skipped {
        words.push(format!("skipped: {why}"));
    } else if !report.faults.is_empty() {
        words.push("failed".to_owned());
    } else {
        if report.compared {
            words.push("agrees with its record".to_owned());
        }
        words.push(format!("{} held", counted(report.claims_held, "check")));
    }
    words.join(", ")
}

fn record_all(
    session: &Session<'_>,
    names: &[String],
    how: RecordOptions,
    terminal: Terminal,
    out: &mut dyn Write,
) -> Result<ExitStatus> {
    let book = session.book;
    let runs = chosen(book, names)?;
    let mut found = ExitStatus::Success;
    for run in &runs {
        let name = run.full_name();
        writeln!(
            out,
            "{}",
            terminal.strong(&format!("{name}: {}", run.command(Size::Recorded)))
        )?;
        out.flush()?;
        // The run's output as it comes; where it cannot be shown it is recorded all the same.
        let recorded = record::record(session, *run, how, &mut |event| {
            let text = match terminal.colour {
                true => event.text.as_str().into(),
                false => crate::record::line::without_escapes(&event.text),
            };
            let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        });
        let recorded = match recorded {
            Ok(recorded) => recorded,
            Err(error) if session.stop.is_requested() => return Err(error),
            Err(error) => {
                found = ExitStatus::Failure;
                writeln!(
                    out,
                    "{}\n",
                    terminal.bad(&format!("✘ not recorded: {error:#}"))
                )?;
                continue;
            }
        };
        for fault in &recorded.faults {
            found = ExitStatus::Failure;
            writeln!(out, "{}", terminal.bad(&format!("✘ {fault}")))?;
        }
        for warning in &recorded.warnings {
            writeln!(out, "{}", terminal.warning(&format!("warning: {warning}")))?;
        }
        let path = run.record_path();
        let shown = book.relative(&path).display();
        let words = match (&recorded.skipped, recorded.written) {
            (Some(why), _) => terminal.warning(&format!("not recorded, skipped: {why}")),
            (None, true) => terminal.good(&format!("✔ recorded in {shown}")),
            (None, false) => {
                let kept = match path.exists() {
                    true => format!(", {shown} stays as it was"),
                    false => String::new(),
                };
                let words = format!("✘ not recorded{kept}; --keep-broken writes it all the same");
                terminal.bad(&words)
            }
        };
        writeln!(out, "{words}\n")?;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::listing::tests::{book_with, one_run};

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }

    #[test]
    fn no_verb_is_serve_and_mdbook_may_ask_either_way() {
        let parsed = |words: &[&str]| {
            let words = [&["mdbook-live"], words].concat();
            Arguments::try_parse_from(words).expect("it is right").verb
        };
        assert!(parsed(&[]).is_none());
        assert!(
            matches!(parsed(&["supports", "html"]), Some(Verb::Supports { renderer }) if renderer == "html")
        );
        assert!(matches!(
            parsed(&["preprocess", "supports", "html"]),
            Some(Verb::Preprocess { question: Some(Question::Supports { renderer }) }) if renderer == "html"
        ));
        assert!(matches!(
            parsed(&["preprocess"]),
            Some(Verb::Preprocess { question: None })
        ));
        assert!(
            matches!(parsed(&["check", "a/b", "c/d", "--root", "x"]), Some(Verb::Check { runs }) if runs.len() == 2)
        );
    }

    #[test]
    fn wrong_usage_is_one_line() {
        for words in [
            &["mdbook-live", "chek"][..],
            &["mdbook-live", "run"],
            &["mdbook-live", "serve", "--port", "x"],
        ] {
            let error = Arguments::try_parse_from(words).expect_err("it is wrong");
            let line = usage_line(&error.to_string());
            assert!(
                line.starts_with("error: ") && !line.contains('\n'),
                "{line}"
            );
        }
    }

    #[test]
    fn a_run_that_does_not_exist_is_wrong_usage() {
        let (_dir, book) = book_with(&one_run(""));
        let book = book.expect("it is right");
        let error = chosen(&book, &["demo/two".into()]).expect_err("no such run");
        assert!(error.is::<UsageError>());
        assert_eq!(error.to_string(), "no run demo/two; there are: demo/one");
        assert_eq!(chosen(&book, &[]).expect("all").len(), 1);
    }

    const ONCE: RecordOptions = RecordOptions {
        of: 1,
        keep_broken: false,
    };

    const PLAIN: Terminal = Terminal {
        width: 100,
        colour: false,
    };

    /// What a verb prints, of runs that are scripts of `sh`, and how it ends.
    fn printed(
        book: &Book,
        verb: impl FnOnce(&Session<'_>, &mut dyn Write) -> Result<ExitStatus>,
    ) -> (String, ExitStatus) {
        let session = Session::new(book, Stop::default());
        session.use_program("demo", "/bin/sh");
        let mut out = Vec::new();
        let found = verb(&session, &mut out).expect("it does its work");
        (String::from_utf8(out).expect("it prints text"), found)
    }

    fn script(name: &str, script: &str) -> String {
        format!(
            "[[run]]\nname = '{name}'\ncaption = 'A script'\nargs = ['-c', '{script}']\nlimit_s = 60\n\
             [[run.claim]]\nsays = 'Main speaks once'\nby = 'notes'\nverdict = 'holds here'\n\
             count = {{ of = 'Main', is = 1 }}\n"
        )
    }

    /// Without the times, which differ from run to run.
    fn timeless(text: &str) -> String {
        let times = regex::Regex::new(r"\d+\.\d\d s").expect("a pattern");
        times.replace_all(text, "0.00 s").into_owned()
    }

    #[test]
    fn a_run_is_recorded_checked_shown_and_listed() {
        let (dir, book) = book_with(&script("one", "echo Main; echo 0x$$"));
        let book = book.expect("it is right");
        let all: &[String] = &[];

        let (text, found) = printed(&book, |session, out| {
            record_all(session, all, ONCE, PLAIN, out)
        });
        assert_eq!(found, ExitStatus::Success);
        assert!(
            text.ends_with("✔ recorded in listings/demo/recorded/one.cast\n\n"),
            "{text}"
        );

        let (text, found) = printed(&book, |session, out| check_all(session, all, PLAIN, out));
        assert_eq!(found, ExitStatus::Success);
        assert_eq!(
            timeless(&text),
            "✔ demo/one  0.00 s, agrees with its record, 2 checks held\n1 run: 1 passed\n"
        );

        let (text, found) = printed(&book, |session, out| {
            run_one(session, "demo/one", Size::Quick, PLAIN, out)
        });
        assert_eq!(found, ExitStatus::Success);
        assert!(
            text.starts_with("demo/one: A script\nin listings/demo: cargo run -- -c "),
            "{text}"
        );
        assert!(
            text.ends_with(
                "\n✔ agrees with its record, apart from what varies by nature\n\
                 ✔ holds: Main speaks once (the notes say)\n    seen: 1 line; holds here\n"
            ),
            "{text}"
        );

        std::fs::write(
            dir.path().join("listings/demo/src/main.rs"),
            "fn main() { loop {} }",
        )
        .expect("a file");
        let (text, _) = printed(&book, |session, out| list(session.book, PLAIN, out));
        assert!(
            text.contains("1 claim; stale: its sources have changed since 2"),
            "{text}"
        );
    }

    #[test]
    fn what_is_wrong_is_said_and_the_verb_fails() {
        let (_dir, book) = book_with(&script("one", "echo Main; echo old"));
        let book = book.expect("it is right");
        printed(&book, |session, out| {
            record_all(session, &[], ONCE, PLAIN, out)
        });

        let runs = script("one", "echo Main; echo Main") + &script("two", "echo no room; exit 77");
        std::fs::write(book.listings[0].dir.join("runs.toml"), runs).expect("a file");
        let book = Book::open(&book.root).expect("it is right");

        let (text, found) = printed(&book, |session, out| check_all(session, &[], PLAIN, out));
        assert_eq!(found, ExitStatus::Failure);
        let faults = "✘ demo/one  0.00 s, failed\n    \
             the claim \"Main speaks once\" does not hold: 2 lines, not 1\n    \
             only recorded: old\n    only live: Main\n    warning: the record is stale: its arguments";
        assert!(timeless(&text).starts_with(faults), "{text}");
        assert!(text.contains("\n- demo/two"), "{text}");
        assert!(
            text.ends_with("2 runs: 0 passed, 1 skipped, 1 failed\n"),
            "{text}"
        );

        let (text, found) = printed(&book, |session, out| {
            run_one(session, "demo/one", Size::Quick, PLAIN, out)
        });
        assert_eq!(found, ExitStatus::Failure);
        for words in [
            "≠ old",
            "✘ differs from its record: 1 line only recorded, 1 line only live\n    only recorded: old\n",
            "✘ does not hold: Main speaks once (the notes say)\n    seen: 2 lines, not 1; holds here\n",
        ] {
            assert!(text.contains(words), "{text}");
        }

        let (text, found) = printed(&book, |session, out| {
            record_all(session, &[], ONCE, PLAIN, out)
        });
        assert_eq!(found, ExitStatus::Failure);
        for words in [
            "✘ the claim \"Main speaks once\" does not hold: 2 lines, not 1\n\
             ✘ not recorded, listings/demo/recorded/one.cast stays as it was; \
             --keep-broken writes it all the same\n",
            "not recorded, skipped: no room\n",
        ] {
            assert!(text.contains(words), "{text}");
        }
    }
}
