//! Breaks programs to see whether their claims notice.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};

use crate::book::claim::On;
use crate::book::counter_run::CounterRun;
use crate::book::listing::{Book, RunRef, Size};
use crate::book::program::Program;
use crate::judge::counter_run::{self, Counter, Outcome};
use crate::judge::fingerprint::Fingerprints;
use crate::record::cast::Record;
use crate::record::line::Line;
use crate::record::result::RunResult;
use crate::record::seen_to_fail::SeenToFail;
use crate::run::scratch::Scratch;
use crate::run::session::Session;

/// A patch of a listing with the claims that have to break by it.
#[derive(Debug, Clone)]
pub struct CounterRuns<'b> {
    /// The listing's name.
    pub listing: &'b str,
    /// The patch's name.
    pub patch: &'b str,
    /// A run of the listing, and the place of a claim of it.
    pub claims: Vec<(RunRef<'b>, usize)>,
}

/// The patches that claims of these runs name, each with those claims.
pub fn counter_runs<'b>(runs: &[RunRef<'b>]) -> Vec<CounterRuns<'b>> {
    let mut by_patch: BTreeMap<(&str, &str), Vec<(RunRef<'b>, usize)>> = BTreeMap::new();
    for run in runs {
        for (at, claim) in run.run.claims.iter().enumerate() {
            for by in &claim.broken_by {
                if let CounterRun::Patch(name) = by {
                    let key = (run.listing.name.as_str(), name.as_str());
                    by_patch.entry(key).or_default().push((*run, at));
                }
            }
        }
    }
    let all = by_patch.into_iter();
    all.map(|((listing, patch), claims)| CounterRuns {
        listing,
        patch,
        claims,
    })
    .collect()
}

/// What came of a patch.
#[derive(Debug, Clone)]
pub struct Falsified<'b> {
    /// The claims, each with what came of it.
    pub claims: Vec<(RunRef<'b>, usize, Outcome)>,
}

/// Applies patches in a copy of the book, and makes the runs there.
pub struct Falsifier<'s, 'b> {
    session: &'s Session<'b>,
    scratch: Option<Scratch>,
    fingerprints: Fingerprints,
}

impl<'s, 'b> Falsifier<'s, 'b> {
    /// Nothing is copied yet.
    pub fn new(session: &'s Session<'b>) -> Falsifier<'s, 'b> {
        Falsifier {
            session,
            scratch: None,
            fingerprints: Fingerprints::default(),
        }
    }

    /// Makes the counter-runs of a patch, and keeps what broke which claim.
    ///
    /// # Errors
    ///
    /// When the patch does not apply, the copy cannot be made, or the session was stopped.
    pub fn falsify(&mut self, what: &CounterRuns<'b>) -> Result<Falsified<'b>> {
        let falsified = self.try_on(what)?;
        self.keep(what, &falsified)?;
        Ok(falsified)
    }

    /// Makes the counter-runs of a patch. See [`Falsifier::falsify`].
    pub fn try_on(&mut self, what: &CounterRuns<'b>) -> Result<Falsified<'b>> {
        let scratch = match &mut self.scratch {
            Some(scratch) => scratch,
            none => none.insert(Scratch::of(self.session.book)?),
        };
        let book = Book::open(&scratch.root)?;
        let listing = what.claims[0].0.listing;
        let patch = &listing.patches[what.patch];
        let _applied = scratch.apply(&patch.diff).with_context(|| {
            let path = self.session.book.relative(&patch.path);
            path.display().to_string()
        })?;
        // Its own: what was built of the book as it is says nothing here.
        let session = Session::new(&book, self.session.stop.clone());
        let by = CounterRun::Patch(what.patch.to_owned());
        let mut made: BTreeMap<(String, bool), Result<RunResult, String>> = BTreeMap::new();
        let mut claims = Vec::new();
        for (run, at) in &what.claims {
            let claim = &run.run.claims[*at];
            let there = book.run(&run.full_name())?;
            let size = match claim.on {
                On::Record => Size::Recorded,
                On::Any | On::Reference => Size::Quick,
            };
            let key = (run.full_name(), size == Size::Recorded);
            let result = made.entry(key).or_insert_with(|| {
                match size {
                    Size::Quick => session.quick(there).map(|result| RunResult::clone(&result)),
                    Size::Recorded => session.run(there, size, there.run.memory, &mut |_| {}),
                }
                .map_err(|error| format!("{error:#}"))
            });
            if session.stop.is_requested() {
                bail!("stopped");
            }
            let outcome = match result {
                Ok(result) if result.skipped().is_some() => {
                    Outcome::Nothing(format!("skipped: {}", result.skipped().unwrap_or_default()))
                }
                Ok(result) if fails_to_compile(*run, &result.lines)? => {
                    Outcome::Nothing("the change does not compile".to_owned())
                }
                Ok(result) => {
                    let judgement = session.judge_claim(there, claim, size, result);
                    counter_run::outcome(claim, &judgement, &by)
                }
                Err(why) => Outcome::Nothing(why.clone()),
            };
            claims.push((*run, *at, outcome));
        }
        Ok(Falsified { claims })
    }

    /// Keeps what broke, in place of what was kept of these claims and this patch.
    fn keep(&mut self, what: &CounterRuns<'b>, falsified: &Falsified<'b>) -> Result<()> {
        let listing = what.claims[0].0.listing;
        let mut kept = SeenToFail::load(listing)?;
        let before = kept.clone();
        kept.retain(|kept| {
            let named = listing.runs.iter().any(|run| {
                run.name == kept.run
                    && run.claims.iter().any(|claim| {
                        let by = CounterRun::Patch(kept.patch.clone());
                        claim.says == kept.claim && claim.broken_by.contains(&by)
                    })
            });
            let now = kept.patch == what.patch
                && falsified.claims.iter().any(|(run, at, _)| {
                    run.run.name == kept.run && run.run.claims[*at].says == kept.claim
                });
            named && !now
        });
        for (run, at, outcome) in &falsified.claims {
            let claim = &run.run.claims[*at];
            if let Outcome::Broke(seen) = outcome {
                let built_from = self.fingerprints.of_run(*run)?;
                let patch = &listing.patches[what.patch];
                let of = counter_run::key(*run, claim, patch, &built_from);
                let mut now = SeenToFail {
                    run: run.run.name.clone(),
                    claim: claim.says.clone(),
                    patch: what.patch.to_owned(),
                    seen: seen.clone(),
                    of,
                };
                // What was seen may differ from time to time: of the same, the first stays.
                let same = |known: &&SeenToFail| {
                    let (known, now) = (*known, &now);
                    (&known.run, &known.claim, &known.patch, &known.of)
                        == (&now.run, &now.claim, &now.patch, &now.of)
                };
                if let Some(first) = before.iter().find(same) {
                    now.seen.clone_from(&first.seen);
                }
                kept.push(now);
            }
        }
        let place = |kept: &SeenToFail| {
            let run = listing.runs.iter().position(|run| run.name == kept.run);
            let claims = run.map(|at| &listing.runs[at].claims);
            let claim = claims.and_then(|claims| claims.iter().position(|c| c.says == kept.claim));
            (run, claim, kept.patch.clone())
        };
        kept.sort_by_key(place);
        SeenToFail::save(&kept, listing)
    }
}

/// Whether cargo finds errors of the compiler that the record does not have: without its program
/// a run breaks any claim.
fn fails_to_compile(run: RunRef<'_>, lines: &[Line]) -> Result<bool> {
    let says = |line: &Line| line.text().starts_with("error: could not compile");
    if !matches!(run.run.program, Program::Cargo(_)) || !lines.iter().any(says) {
        return Ok(false);
    }
    Ok(match Record::load(run, Size::Recorded)? {
        Some(record) => !record.lines.iter().any(says),
        None => run.run.status == 0,
    })
}

/// The counter-runs of each claim of a run, those by patches as they were kept.
pub fn kept<'b>(
    book: &'b Book,
    run: RunRef<'b>,
    fingerprints: &mut Fingerprints,
) -> Result<Vec<Vec<Counter>>> {
    let kept = SeenToFail::load(run.listing)?;
    let built_from = fingerprints.of_run(run)?;
    let claims = run.run.claims.iter();
    claims
        .map(|claim| counter_run::counters(book, run, claim, &kept, &built_from))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::book::listing::tests::book_with;
    use crate::run::stop::Stop;
    use crate::verbs::check::Checker;

    const RUNS: &str = "[[run]]\nname = 'once'\nargs = []\n\
        [[run.claim]]\nsays = 'Once'\nbroken_by = ['twice', 'demo/other']\n\
        count = { lines = '^Main', is = 1 }\n\
        [[run.claim]]\nsays = 'Main'\nbroken_by = ['twice']\n\
        never = { lines = '^M', contain = 'Other' }\n\
        [[run]]\nname = 'other'\nargs = ['2']\n";

    const MAIN: &str = "fn main() {\n    println!(\"Main\");\n    \
        if std::env::args().len() > 1 {\n        println!(\"Main\");\n    }\n}\n";

    const TWICE: &str = "Main speaks twice\n\n--- a/listings/demo/src/main.rs\n\
        +++ b/listings/demo/src/main.rs\n@@ -1,3 +1,4 @@\n fn main() {\n+    println!(\"Main\");\n     \
        println!(\"Main\");\n     if std::env::args().len() > 1 {\n";

    /// A book with one listing that is built, its records made.
    fn book() -> (tempfile::TempDir, Book) {
        let (dir, _) = book_with("");
        let demo = dir.path().join("listings/demo");
        fs::create_dir(demo.join("broken")).expect("a folder");
        write(&demo, "broken/twice.patch", TWICE);
        write(&demo, "runs.toml", RUNS);
        write(&demo, "src/main.rs", MAIN);
        let lock = "version = 4\n[[package]]\nname = \"demo\"\nversion = \"0.1.0\"\n";
        write(&demo, "Cargo.lock", lock);
        let book = Book::open(dir.path()).expect("it is right");
        let session = Session::new(&book, Stop::default());
        let how = crate::verbs::record::RecordOptions {
            of: Some(1),
            keep_broken: false,
        };
        let runs: Vec<RunRef<'_>> = book.runs().collect();
        let made = crate::verbs::record::record(&session, &runs, how, &mut |_| {});
        assert!(made.expect("it builds").iter().all(|made| made.written));
        (dir, book)
    }

    fn write(demo: &Path, path: &str, text: &str) {
        fs::write(demo.join(path), text).expect("a file");
    }

    /// What `check` says of the run `once`.
    fn checked(root: &Path) -> (Vec<String>, Vec<String>) {
        let book = Book::open(root).expect("it is right");
        let session = Session::new(&book, Stop::default());
        let run = book.run("demo/once").expect("it is there");
        let report = Checker::new(&session).check(run).expect("nobody stops it");
        (report.faults, report.warnings)
    }

    #[test]
    fn a_claim_that_breaks_is_kept_with_what_was_seen_and_one_that_does_not_is_told() {
        let (dir, book) = book();
        let session = Session::new(&book, Stop::default());
        let runs: Vec<RunRef<'_>> = book.runs().collect();
        let all = counter_runs(&runs);
        let falsified = Falsifier::new(&session)
            .falsify(&all[0])
            .expect("it builds");
        let outcomes: Vec<&Outcome> = falsified.claims.iter().map(|(.., what)| what).collect();
        let broke = Outcome::Broke("2 lines, not 1".into());
        assert_eq!(outcomes, [&broke, &Outcome::Spared("0 of 2 lines".into())]);
        let kept = SeenToFail::load(&book.listings[0]).expect("it can be read");
        assert_eq!((kept.len(), kept[0].seen.as_str()), (1, "2 lines, not 1"));
        let (faults, warnings) = checked(dir.path());
        assert_eq!(
            faults,
            ["the claim \"Main\" does not break by twice: 0 of 2 lines"]
        );
        assert_eq!(
            warnings,
            [] as [&str; 0],
            "both counter-runs of the first broke it"
        );
    }

    #[test]
    fn what_was_kept_of_another_program_or_claim_is_made_anew() {
        let (dir, book) = book();
        let demo = dir.path().join("listings/demo");
        let session = Session::new(&book, Stop::default());
        let runs: Vec<RunRef<'_>> = book.runs().collect();
        let all = counter_runs(&runs);
        Falsifier::new(&session)
            .falsify(&all[0])
            .expect("it builds");
        // The sentence may change in other words, a comment in the program: nothing is made.
        write(
            &demo,
            "src/main.rs",
            &MAIN.replace("fn main", "// New.\nfn main"),
        );
        let without_main = RUNS.split("[[run.claim]]\nsays = 'Main'").next().unwrap();
        let other = "[[run]]\nname = 'other'\nargs = ['2']\n";
        write(&demo, "runs.toml", &format!("{without_main}{other}"));
        assert_eq!(checked(dir.path()), (vec![], vec![]));
        let stricter = without_main.replace("'^Main'", "'^Main$'");
        write(&demo, "runs.toml", &format!("{stricter}{other}"));
        let (faults, warnings) = checked(dir.path());
        assert_eq!(faults, [] as [&str; 0]);
        assert_eq!(
            warnings,
            [
                "twice breaks the claim \"Once\" (2 lines, not 1), but recorded/seen-to-fail.json \
              has no such entry for the program as it is now; mdbook-live falsify demo/once adds it"
            ]
        );
    }

    #[test]
    fn a_patch_that_does_not_apply_any_more_is_a_fault() {
        let (dir, _book) = book();
        let demo = dir.path().join("listings/demo");
        write(&demo, "src/main.rs", "fn main() { println!(\"Main\") }\n");
        let (faults, _) = checked(dir.path());
        let fault = faults.last().expect("it does not apply");
        assert!(
            fault.starts_with(
                "listings/demo/broken/twice.patch: listings/demo/src/main.rs: the patch does not apply"
            ),
            "{fault}"
        );
    }
}
