//! The whole program: arguments in, exit status out.

use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{CommandFactory, Parser as _};

use super::arguments::{Arguments, Exercises, Question, Verb, usage_line};
use super::check::CheckOptions;
use super::exercise;
use super::exit_status::{ExitStatus, UsageError};
use super::json::Form;
use super::selection::book_root;
use super::serve::ServeOptions;
use super::terminal::Terminal;
use super::{
    build, check, falsify, list, preprocess, problem, record, report, review, run, scaffold, serve,
    text_files,
};
use crate::book::listing::{Book, Size};
use crate::run::children;
use crate::run::session::Session;
use crate::run::shutdown;
use crate::run::stop::Stop;
use crate::text::ansi;
use crate::verbs::build::Solutions;
use crate::verbs::record::RecordOptions;

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
            eprintln!("{}", usage_line(&error));
            return ExitCode::from(2);
        }
    };
    match dispatch(arguments) {
        Ok(ExitStatus::Success) => ExitCode::SUCCESS,
        Ok(ExitStatus::Failure) => ExitCode::FAILURE,
        // `… | head`: the reader has read enough.
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

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<std::io::Error>();
    io.is_some_and(|io| io.kind() == ErrorKind::BrokenPipe)
}

fn dispatch(arguments: Arguments) -> Result<ExitStatus> {
    children::have_their_status_kept()?;
    let root = arguments.root;
    match arguments
        .verb
        .unwrap_or(Verb::Serve(ServeOptions::default()))
    {
        Verb::Serve(options) => {
            serve::serve(&book_root(root)?, &options)?;
            Ok(ExitStatus::Success)
        }
        Verb::Build {
            dest,
            without_solutions,
            live,
            pdf,
            epub,
        } => {
            let papers = build::papers(pdf, epub);
            if live {
                in_session(root, |session, terminal, out| {
                    build::build_live(session, dest.as_deref(), &papers, terminal, out)
                })
            } else {
                let solutions = if without_solutions {
                    Solutions::LeftOut
                } else {
                    Solutions::Shown
                };
                build::build(&book_root(root)?, dest.as_deref(), &papers, solutions)
            }
        }
        Verb::Preprocess { question: None } => preprocess::preprocess(),
        Verb::Preprocess {
            question: Some(Question::Supports { renderer }),
        } => Ok(preprocess::supports(&renderer)),
        Verb::Init { folder } => scaffold::init(folder.as_deref(), &mut std::io::stdout().lock()),
        Verb::New(options) => {
            scaffold::new(&book_root(root)?, &options, &mut std::io::stdout().lock())
        }
        Verb::Import { files } => {
            let out = &mut std::io::stdout().lock();
            text_files::import(&book_root(root)?, &files, Terminal::of_stdout(), out)
        }
        Verb::Export { runs } => {
            text_files::export(&book_root(root)?, &runs, &mut std::io::stdout().lock())
        }
        Verb::Review { runs } => {
            review::require_terminal()?;
            in_session(root, |session, terminal, out| {
                let mut answers = review::Typed::until(&session.stop)?;
                review::review(session, &runs, terminal, &mut answers, out)
            })
        }
        Verb::Completions { shell } => {
            let command = &mut Arguments::command();
            let mut text = Vec::new();
            clap_complete::generate(shell, command, "mdbook-live", &mut text);
            std::io::stdout().lock().write_all(&text)?;
            Ok(ExitStatus::Success)
        }
        Verb::Man => {
            clap_mangen::Man::new(Arguments::command()).render(&mut std::io::stdout().lock())?;
            Ok(ExitStatus::Success)
        }
        Verb::List { json } => {
            let book = Book::open(&book_root(root)?)?;
            let out = &mut std::io::stdout().lock();
            list::list(&book, form(json), Terminal::of_stdout(), out)
        }
        Verb::Run {
            run,
            recorded_size,
            json,
        } => {
            let size = if recorded_size {
                Size::Recorded
            } else {
                Size::Quick
            };
            in_session(root, |session, terminal, out| match form(json) {
                Form::Words => run::run(session, &run, size, terminal, out),
                Form::Json => run::in_json(session, &run, size, out),
            })
        }
        Verb::Check {
            claims_only,
            strict,
            toolchain,
            json,
            runs,
        } => {
            let how = CheckOptions {
                counter_runs: !claims_only && toolchain.is_none(),
                strict,
                form: form(json),
            };
            in_session_with(
                root,
                |session| Ok(session.with_toolchain(toolchain)),
                |session, terminal, out| check::check(session, &runs, how, terminal, out),
            )
        }
        Verb::Falsify { runs } => in_session(root, |session, terminal, out| {
            falsify::falsify(session, &runs, terminal, out)
        }),
        Verb::Exercise {
            what: Some(Exercises::List),
            json,
            ..
        } => {
            let book = Book::open(&book_root(root)?)?;
            let out = &mut std::io::stdout().lock();
            exercise::list(&book, form(json), Terminal::of_stdout(), out)
        }
        Verb::Exercise {
            what: Some(Exercises::Pack { dest }),
            ..
        } => exercise::pack(&Book::open(&book_root(root)?)?, &dest),
        Verb::Exercise {
            name,
            seed,
            level,
            answer,
            json,
            what: None,
        } => in_session(root, |session, terminal, out| {
            let name = name.unwrap_or_default();
            match (seed, answer) {
                (None, _) => exercise::attempt(session, &name, form(json), terminal, out),
                (Some(seed), false) => problem::ask(session, &name, seed, level, terminal, out),
                (Some(seed), true) => problem::answer(session, &name, seed, level, terminal, out),
            }
        }),
        Verb::Report(options) => in_session_with(
            root,
            |session| options.applied_to(session),
            |session, terminal, out| report::report(session, &options, terminal, out),
        ),
        Verb::Record {
            runs,
            of,
            keep_broken,
        } => in_session(root, |session, terminal, out| {
            record::record(
                session,
                &runs,
                RecordOptions { of, keep_broken },
                terminal,
                out,
            )
        }),
    }
}

/// How an answer is written.
fn form(json: bool) -> Form {
    if json { Form::Json } else { Form::Words }
}

/// Runs a verb that makes runs: who tells this program to end ends the run under
/// way, and then the verb.
fn in_session(
    root: Option<PathBuf>,
    verb: impl FnOnce(&Session<'_>, Terminal, &mut dyn Write) -> Result<ExitStatus>,
) -> Result<ExitStatus> {
    in_session_with(root, |session| Ok(session), verb)
}

/// As [`in_session`], in a session that `change` has set up.
fn in_session_with(
    root: Option<PathBuf>,
    change: impl for<'b> FnOnce(Session<'b>) -> Result<Session<'b>>,
    verb: impl FnOnce(&Session<'_>, Terminal, &mut dyn Write) -> Result<ExitStatus>,
) -> Result<ExitStatus> {
    let book = Book::open(&book_root(root)?)?;
    let stop = Stop::default();
    let request = stop.clone();
    shutdown::on_shutdown(move || request.request())?;
    let session = change(Session::new(&book, stop).on_broken_build(show_diagnostics))?;
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
            eprintln!("{}", ansi::parse(line).text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::selection::{chosen, left_out};
    use super::*;
    use crate::book::listing::tests::{book_with, one_run};
    use crate::record::cast::Record;

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
        assert!(matches!(
            parsed(&["preprocess", "supports", "html"]),
            Some(Verb::Preprocess { question: Some(Question::Supports { renderer }) }) if renderer == "html"
        ));
        assert!(matches!(
            parsed(&["preprocess"]),
            Some(Verb::Preprocess { question: None })
        ));
        assert!(
            matches!(parsed(&["check", "a/b", "c/d", "--root", "x"]), Some(Verb::Check { runs, .. }) if runs.len() == 2)
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
            let line = usage_line(&error);
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
        assert_eq!(
            error.to_string(),
            "no run demo/two; did you mean demo/one? expected demo/one"
        );
        assert_eq!(chosen(&book, &[]).expect("all").len(), 1);
    }

    #[test]
    fn a_listing_names_its_runs_and_one_on_request_has_to_be_named() {
        let (_dir, book) = book_with(&format!("on_request = true\n{}", one_run("")));
        let book = book.expect("it is right");
        assert!(chosen(&book, &[]).expect("none").is_empty());
        assert_eq!(
            left_out(&book, &[]),
            ["1 run of demo left out: name demo to build it"]
        );
        let named = ["demo".to_owned()];
        assert_eq!(chosen(&book, &named).expect("its runs").len(), 1);
        assert!(left_out(&book, &named).is_empty());
    }

    const ONCE: RecordOptions = RecordOptions {
        of: Some(1),
        keep_broken: false,
    };

    const CHECK: CheckOptions = CheckOptions {
        counter_runs: true,
        strict: false,
        form: Form::Words,
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
            "[[run]]\nname = '{name}'\ncaption = 'A script'\nargs = ['-c', '{script}']\ntimeout = '60s'\n\
             [[run.claim]]\nsays = 'Main speaks once'\nreference = {{ becomes = 'holds' }}\nnote = 'holds here'\n\
             count = {{ lines = 'Main', is = 1 }}\n"
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
            record::record(session, all, ONCE, PLAIN, out)
        });
        assert_eq!(found, ExitStatus::Success);
        assert!(
            text.ends_with("✔ recorded in listings/demo/recorded/one.cast\n\n"),
            "{text}"
        );

        let (text, found) = printed(&book, |session, out| {
            check::check(session, all, CHECK, PLAIN, out)
        });
        assert_eq!(found, ExitStatus::Success);
        assert_eq!(
            timeless(&text),
            "✔ demo/one  0.00 s, agrees with its record, 2 checks held\n    warning: the claim \"Main speaks once\" has not been \
             seen to fail: expected broken_by, a change or a run that breaks it\n1 run: 1 passed\n"
        );

        let (text, found) = printed(&book, |session, out| {
            run::run(session, "demo/one", Size::Quick, PLAIN, out)
        });
        assert_eq!(found, ExitStatus::Success);
        assert!(
            text.starts_with("demo/one: A script\nin listings/demo: cargo run -- -c "),
            "{text}"
        );
        assert!(
            text.ends_with(
                "\n✔ agrees with its record, apart from what varies by nature\n\
                 ✔ holds: Main speaks once (of the reference)\n    seen: 1 line (Main); holds here\n"
            ),
            "{text}"
        );

        std::fs::write(
            dir.path().join("listings/demo/src/main.rs"),
            "fn main() { loop {} }",
        )
        .expect("a file");
        let (text, _) = printed(&book, |session, out| {
            list::list(session.book, Form::Words, PLAIN, out)
        });
        assert!(
            text.contains("1 claim; stale: its sources have changed since 2"),
            "{text}"
        );
    }

    #[test]
    fn an_observed_run_is_shown_with_its_processes_and_its_limit() {
        let runs = "[[run]]\nname = 'one'\nargs = ['-c', '(exit 3) & wait']\n\
                    data_limit = '64 MiB'\n[[run.claim]]\nsays = 'One child'\n\
                    value = { figure = 'tree_processes', is = 2 }\n";
        let (_dir, book) = book_with(runs);
        let book = book.expect("it is right");
        let (text, found) = printed(&book, |session, out| {
            run::run(session, "demo/one", Size::Quick, PLAIN, out)
        });
        assert_eq!(found, ExitStatus::Success, "{text}");
        for words in [
            "with at most 64 MiB of private memory a process\n",
            "2 processes, 1 program executed, at most ",
            "\nP0 sh  ",
            "\n└─ P1 ",
            " s, exit 3, ",
            "✔ holds: One child (the book says)\n    seen: 2\n",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
        let (text, _) = printed(&book, |session, out| {
            record::record(session, &[], ONCE, PLAIN, out)
        });
        assert!(text.contains("✔ recorded in"), "{text}");
        let record = Record::load(book.run("demo/one").expect("a run"), Size::Recorded);
        let header = record.expect("it is right").expect("it is there").header;
        let account = header.live.account.expect("it was observed");
        assert_eq!(
            (account.processes(), header.live.data_limit),
            (2, Some(64 << 20))
        );
    }

    #[test]
    fn what_is_wrong_is_said_and_the_verb_fails() {
        let (_dir, book) = book_with(&script("one", "echo Main; echo old"));
        let book = book.expect("it is right");
        printed(&book, |session, out| {
            record::record(session, &[], ONCE, PLAIN, out)
        });

        let runs = script("one", "echo Main; echo Main") + &script("two", "echo no room; exit 77");
        std::fs::write(book.listings[0].dir.join("runs.toml"), runs).expect("a file");
        let book = Book::open(&book.root).expect("it is right");

        let (text, found) = printed(&book, |session, out| {
            check::check(session, &[], CHECK, PLAIN, out)
        });
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
            run::run(session, "demo/one", Size::Quick, PLAIN, out)
        });
        assert_eq!(found, ExitStatus::Failure);
        for words in [
            "≠ old",
            "✘ differs from its record: 1 line only recorded, 1 line only live\n    only recorded: old\n",
            "✘ does not hold: Main speaks once (of the reference)\n    seen: 2 lines, not 1; holds here\n",
        ] {
            assert!(text.contains(words), "{text}");
        }

        let (text, found) = printed(&book, |session, out| {
            record::record(session, &[], ONCE, PLAIN, out)
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
