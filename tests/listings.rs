//! Every run of every listing, for real, at its quick size: its claims hold there
//! and on its record, it agrees with its record, keeps its limit, and leaves
//! nothing behind; and each claim has been seen to fail. The starter of every exercise breaks a
//! check, with a hint.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::process::ExitCode;

use fork_spawn_share::root;
use libtest_mimic::{Arguments, Failed, Trial};
use mdbook_live::Book;
use mdbook_live::Checker;
use mdbook_live::Session;
use mdbook_live::Starter;
use mdbook_live::Stop;
use mdbook_live::try_starter;

fn main() -> ExitCode {
    let book = match Book::open(root()) {
        // Lives as long as this program: the session below borrows it.
        Ok(book) => &*Box::leak(Box::new(book)),
        Err(error) => {
            eprintln!("error: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    // What takes many minutes to build is left to `--ignored`.
    let trials = book.runs().map(|run| {
        let name = run.full_name();
        Trial::test(name.clone(), move || passes(book, &name))
            .with_ignored_flag(run.listing.on_request)
    });
    let graded = book.exercises().filter(|found| found.runs().count() > 0);
    let starters = graded.map(|found| {
        let name = found.full_name();
        Trial::test(format!("starter of {name}"), move || {
            starter_helps(book, &name)
        })
        .with_ignored_flag(found.listing.on_request)
    });
    let trials = trials.chain(starters).collect();
    let mut arguments = Arguments::from_args();
    // On this thread, one at a time.
    arguments.test_threads = Some(1);
    libtest_mimic::run(&arguments, trials).exit_code()
}

thread_local! {
    static CHECKER: RefCell<Option<Checker<'static, 'static>>> = const { RefCell::new(None) };
}

/// The starter of an exercise builds, breaks a check, and its reader gets a hint.
fn starter_helps(book: &'static Book, name: &str) -> Result<(), Failed> {
    let session = Session::new(book, Stop::default());
    match try_starter(&session, book.exercise(name)?)? {
        Starter::Helps => Ok(()),
        // A reader who has solved it has nothing to repair.
        Starter::Solves if env::var_os("CI").is_none() => {
            eprintln!("{name} is solved here");
            Ok(())
        }
        Starter::Solves => Err("its starter solves it; expected a check that it breaks".into()),
        Starter::Faulty(why) => Err(why.into()),
    }
}

fn passes(book: &'static Book, name: &str) -> Result<(), Failed> {
    CHECKER.with_borrow_mut(|checker| {
        let checker = checker.get_or_insert_with(|| {
            // Lives as long as the book.
            Checker::new(Box::leak(Box::new(Session::new(book, Stop::default()))))
        });
        let shared_memory = named_shared_memory();
        let report = checker.check(book.run(name)?)?;
        if let Some(why) = report.skipped {
            // A reader may lack what a run needs; the machine that publishes may not.
            return match env::var_os("CI") {
                Some(_) => Err(format!("skipped: {why}").into()),
                None => {
                    eprintln!("{name} skipped: {why}");
                    Ok(())
                }
            };
        }
        let mut faults = report.faults;
        // A stale or missing record is a book that shows what is no longer so.
        faults.extend(report.warnings);
        for new in named_shared_memory().difference(&shared_memory) {
            faults.push(format!("left /dev/shm/{new} behind"));
        }
        if faults.is_empty() {
            Ok(())
        } else {
            Err(faults.join("\n").into())
        }
    })
}

fn named_shared_memory() -> BTreeSet<String> {
    let entries = fs::read_dir("/dev/shm").into_iter().flatten();
    entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}
