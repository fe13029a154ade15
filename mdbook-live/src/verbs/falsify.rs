//! Breaks programs to see whether their claims notice.

use std::collections::BTreeMap;

use anyhow::{Result, bail};

use crate::book::claim::On;
use crate::book::counter_run::CounterRun;
use crate::book::listing::{Book, RunRef, Size};
use crate::judge::counter_run::{self, Counter, Outcome};
use crate::judge::fingerprint::Fingerprints;
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
        let scratch = match &mut self.scratch {
            Some(scratch) => scratch,
            none => none.insert(Scratch::of(self.session.book)?),
        };
        let book = Book::open(&scratch.root)?;
        let listing = what.claims[0].0.listing;
        let patch = &listing.patches[what.patch];
        let _applied = scratch.apply(&patch.diff)?;
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
                Ok(result) => {
                    let judgement = session.judge_claim(there, claim, size, result);
                    counter_run::outcome(claim, &judgement, &by)
                }
                Err(why) => Outcome::Nothing(why.clone()),
            };
            claims.push((*run, *at, outcome));
        }
        let falsified = Falsified { claims };
        self.keep(what, &falsified)?;
        Ok(falsified)
    }

    /// Keeps what broke, in place of what was kept of these claims and this patch.
    fn keep(&mut self, what: &CounterRuns<'b>, falsified: &Falsified<'b>) -> Result<()> {
        let listing = what.claims[0].0.listing;
        let mut kept = SeenToFail::load(listing)?;
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
                kept.push(SeenToFail {
                    run: run.run.name.clone(),
                    claim: claim.says.clone(),
                    patch: what.patch.to_owned(),
                    seen: seen.clone(),
                    of: counter_run::key(*run, claim, patch, &built_from),
                });
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
