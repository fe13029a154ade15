//! What the machines of several reports make of a book's claims, side by side.

use crate::book::claim::{Claim, On};
use crate::book::listing::{RunRef, Size};
use crate::judge::digest;
use crate::record::report::{MachineReport, ReportedRun, Verdict};

/// What became of a claim on a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It came out as the book says: what was seen.
    AsSaid(String),
    /// It did not: what was seen.
    Otherwise(String),
    /// The check was not made: why.
    Open(String),
    /// Its run was skipped there, or failed: why.
    NotMade(String),
    /// The report is of another check, or is older than the claim.
    Changed,
    /// The machine reports nothing of it.
    Absent,
}

/// What became of a run's claims by a report of it, each that such a run decides.
pub fn outcomes<'b>(run: RunRef<'b>, reported: &ReportedRun) -> Vec<(&'b Claim, Outcome)> {
    let claims = run.run.claims.iter();
    let decided = claims.filter(|claim| is_decided(claim, reported.size));
    decided
        .map(|claim| (claim, outcome(claim, reported)))
        .collect()
}

fn is_decided(claim: &Claim, size: Size) -> bool {
    match claim.on {
        On::Any => true,
        On::Record => size == Size::Recorded,
        On::Reference => false,
    }
}

fn outcome(claim: &Claim, reported: &ReportedRun) -> Outcome {
    if let Some(why) = not_made(reported) {
        return Outcome::NotMade(why);
    }
    let mut known = reported.claims.iter();
    let Some(found) = known.find(|known| known.says == claim.says) else {
        return Outcome::Changed;
    };
    let seen = found.seen.clone();
    match found.verdict {
        _ if found.of != digest::of_claim(claim) => Outcome::Changed,
        Verdict::Open => Outcome::Open(seen),
        Verdict::Holds if !claim.is_refuted() => Outcome::AsSaid(seen),
        Verdict::DoesNotHold if claim.is_refuted() => Outcome::AsSaid(seen),
        Verdict::Holds | Verdict::DoesNotHold => Outcome::Otherwise(seen),
    }
}

/// Why a run has no verdicts: it was skipped, or it failed and was not judged.
fn not_made(reported: &ReportedRun) -> Option<String> {
    let failed = || {
        let fault = reported
            .faults
            .first()
            .filter(|_| reported.claims.is_empty())?;
        Some(format!("failed: {fault}"))
    };
    let skipped = reported.skipped.as_ref();
    skipped.map(|why| format!("skipped: {why}")).or_else(failed)
}

/// A claim, or a whole run, on every machine.
#[derive(Debug, Clone)]
pub struct Row<'b> {
    /// The run.
    pub run: RunRef<'b>,
    /// The claim; `None`: what is told is of the run.
    pub claim: Option<&'b Claim>,
    /// At which size the runs were made.
    pub size: Size,
    /// One for each report.
    pub cells: Vec<Cell>,
}

/// What a machine makes of a claim, or of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// What became of it. Of a run, `AsSaid` says that it ended as it must, or agrees with its
    /// record.
    pub outcome: Outcome,
    /// Whether it is of a program that has changed since.
    pub is_earlier: bool,
}

/// How many claims came out how, on one machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// As the book says.
    pub as_said: usize,
    /// Otherwise.
    pub otherwise: usize,
    /// Not judged: the check could not be made, its run was not, or the report is of another.
    pub open: usize,
    /// How many of them all are of a program that has changed since.
    pub earlier: usize,
}

/// What several machines make of the claims of some runs: of a chapter's, say.
#[derive(Debug, Clone, Default)]
pub struct Comparison<'b> {
    /// What is not as the book says on every machine that reports it, in the order of the runs.
    pub rows: Vec<Row<'b>>,
    /// The runs that differ from their records on a machine; it says nothing of their claims.
    pub differing: Vec<Row<'b>>,
    /// One for each report.
    pub tallies: Vec<Tally>,
    /// How many claims came out as the book says on every machine that reports them.
    pub agreed: usize,
    /// How many claims no machine reports on: at the size that decides them none made the run.
    pub unreported: usize,
}

impl<'b> Comparison<'b> {
    /// Compares the reports on those runs. Each comes with what `digest::of_run` says of it now
    /// at the quick and at the recorded size.
    pub fn of(reports: &[MachineReport], runs: &[(RunRef<'b>, [String; 2])]) -> Comparison<'b> {
        let mut comparison = Comparison {
            tallies: vec![Tally::default(); reports.len()],
            ..Comparison::default()
        };
        for (run, now) in runs {
            comparison.add_run(reports, *run, now);
        }
        comparison
    }

    fn add_run(&mut self, reports: &[MachineReport], run: RunRef<'b>, now: &[String; 2]) {
        let name = run.full_name();
        let of_size = |size: Size| {
            let of_report = |report: &'_ MachineReport| {
                let mut runs = report.runs.iter();
                runs.position(|known| known.run == name && known.size == size)
            };
            reports
                .iter()
                .map(of_report)
                .collect::<Vec<Option<usize>>>()
        };
        let sizes = [(Size::Quick, &now[0]), (Size::Recorded, &now[1])];
        let sizes = sizes.map(|(size, now)| {
            let runs = of_size(size).into_iter().zip(reports);
            let runs = runs.map(|(at, report)| at.map(|at| &report.runs[at]));
            (size, now, runs.collect::<Vec<Option<&ReportedRun>>>())
        });
        for (size, now, reported) in &sizes {
            let row = |of: fn(&ReportedRun) -> Outcome| Row {
                run,
                claim: None,
                size: *size,
                cells: reported
                    .iter()
                    .map(|reported| run_cell(*reported, now, of))
                    .collect(),
            };
            self.rows.extend(Some(row(making)).filter(Row::tells));
            self.differing
                .extend(Some(row(agreement)).filter(Row::tells));
        }
        for claim in &run.run.claims {
            // A claim that either size decides is judged at the quick one, where it was made.
            let deciding: Vec<_> = sizes
                .iter()
                .filter(|(size, ..)| is_decided(claim, *size))
                .collect();
            let Some((size, ..)) = deciding.first() else {
                continue;
            };
            let cells: Vec<Cell> = (0..reports.len())
                .map(|at| {
                    let found = deciding.iter().find_map(|(_, now, reported)| {
                        reported[at].map(|reported| (reported, *now))
                    });
                    claim_cell(claim, found)
                })
                .collect();
            self.add_claim(run, claim, *size, cells);
        }
    }

    fn add_claim(&mut self, run: RunRef<'b>, claim: &'b Claim, size: Size, cells: Vec<Cell>) {
        if cells.iter().all(|cell| cell.outcome == Outcome::Absent) {
            self.unreported += 1;
            return;
        }
        for (cell, tally) in cells.iter().zip(&mut self.tallies) {
            let count = match cell.outcome {
                Outcome::AsSaid(_) => &mut tally.as_said,
                Outcome::Otherwise(_) => &mut tally.otherwise,
                Outcome::Open(_) | Outcome::NotMade(_) | Outcome::Changed => &mut tally.open,
                Outcome::Absent => continue,
            };
            *count += 1;
            tally.earlier += usize::from(cell.is_earlier);
        }
        // That its run was not made is told of the run, once.
        let tells = |cell: &Cell| {
            use Outcome::{Changed, Open, Otherwise};
            matches!(cell.outcome, Otherwise(_) | Open(_) | Changed)
        };
        if cells.iter().any(tells) {
            self.rows.push(Row {
                run,
                claim: Some(claim),
                size,
                cells,
            });
        } else if cells
            .iter()
            .all(|cell| matches!(cell.outcome, Outcome::AsSaid(_) | Outcome::Absent))
        {
            self.agreed += 1;
        }
    }
}

impl Row<'_> {
    /// Whether it is not as the book says, or as the record is, on every machine.
    fn tells(&self) -> bool {
        let is_plain = |cell: &Cell| matches!(cell.outcome, Outcome::AsSaid(_) | Outcome::Absent);
        !self.cells.iter().all(is_plain)
    }
}

fn claim_cell(claim: &Claim, found: Option<(&ReportedRun, &String)>) -> Cell {
    match found {
        None => Cell {
            outcome: Outcome::Absent,
            is_earlier: false,
        },
        Some((reported, now)) => Cell {
            outcome: outcome(claim, reported),
            is_earlier: reported.of != *now,
        },
    }
}

fn run_cell(reported: Option<&ReportedRun>, now: &str, of: fn(&ReportedRun) -> Outcome) -> Cell {
    Cell {
        outcome: reported.map_or(Outcome::Absent, of),
        is_earlier: reported.is_some_and(|reported| reported.of != now),
    }
}

/// Whether a run was made, and ended as it must.
fn making(reported: &ReportedRun) -> Outcome {
    if let Some(why) = not_made(reported) {
        Outcome::NotMade(why)
    } else if reported.faults.is_empty() {
        Outcome::AsSaid(String::new())
    } else {
        Outcome::Otherwise(reported.faults.join("; "))
    }
}

/// Whether a run agrees with its record.
fn agreement(reported: &ReportedRun) -> Outcome {
    match &reported.differs {
        None => Outcome::Absent,
        Some(lines) if lines.is_empty() => Outcome::AsSaid(String::new()),
        Some(lines) => Outcome::Otherwise(lines.join("\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::listing::Book;
    use crate::book::listing::tests::{book_with, one_run};
    use crate::record::report::ReportedClaim;
    use crate::record::report::tests::{report_of, reported};

    const CLAIMS: &str = "[[run.claim]]\nsays = 'A'\ncount = { lines = 'a', is = 1 }\n\
        [[run.claim]]\nsays = 'B'\ncount = { lines = 'b', is = 1 }\nreference = { becomes = 'does not hold' }\n\
        [[run.claim]]\nsays = 'C'\non = 'record'\ncount = { lines = 'c', is = 1 }\n\
        [[run.claim]]\nsays = 'D'\non = 'reference'\ncount = { lines = 'd', is = 1 }\n";

    fn book() -> Book {
        book_with(&one_run(CLAIMS)).1.expect("it is right")
    }

    fn claim(book: &Book, at: usize, verdict: Verdict) -> ReportedClaim {
        let claim = &book.listings[0].runs[0].claims[at];
        ReportedClaim {
            says: claim.says.clone(),
            of: digest::of_claim(claim),
            verdict,
            seen: format!("seen {at}"),
        }
    }

    fn compared<'b>(book: &'b Book, runs: Vec<ReportedRun>) -> Comparison<'b> {
        let reports: Vec<MachineReport> =
            runs.into_iter().map(|run| report_of(vec![run])).collect();
        let run = book.run("demo/one").expect("it is there");
        Comparison::of(&reports, &[(run, ["1".to_owned(), "2".to_owned()])])
    }

    fn told(comparison: &Comparison<'_>) -> Vec<(String, Vec<Outcome>)> {
        let rows = comparison.rows.iter();
        rows.map(|row| {
            let says = row
                .claim
                .map_or_else(String::new, |claim| claim.says.clone());
            let cells = row.cells.iter().map(|cell| cell.outcome.clone());
            (says, cells.collect())
        })
        .collect()
    }

    use Verdict::{DoesNotHold, Holds, Open};

    #[test]
    fn what_is_as_the_book_says_everywhere_is_counted_and_the_rest_is_told() {
        let book = book();
        let as_said = vec![claim(&book, 0, Holds), claim(&book, 1, DoesNotHold)];
        let otherwise = vec![claim(&book, 0, Holds), claim(&book, 1, Holds)];
        let open = vec![claim(&book, 0, Open), claim(&book, 1, DoesNotHold)];
        let runs = [as_said, otherwise, open].map(|claims| reported("demo/one", claims));
        let found = compared(&book, runs.to_vec());
        let seen = |at: usize| format!("seen {at}");
        assert_eq!(
            told(&found),
            [
                (
                    "A".to_owned(),
                    vec![
                        Outcome::AsSaid(seen(0)),
                        Outcome::AsSaid(seen(0)),
                        Outcome::Open(seen(0))
                    ]
                ),
                (
                    "B".to_owned(),
                    vec![
                        Outcome::AsSaid(seen(1)),
                        Outcome::Otherwise(seen(1)),
                        Outcome::AsSaid(seen(1))
                    ]
                ),
            ]
        );
        let tallies: Vec<(usize, usize, usize)> = found
            .tallies
            .iter()
            .map(|tally| (tally.as_said, tally.otherwise, tally.open))
            .collect();
        assert_eq!(tallies, [(2, 0, 0), (1, 1, 0), (1, 0, 1)]);
        assert_eq!(
            (found.agreed, found.unreported),
            (0, 1),
            "C needs the recorded size"
        );
    }

    #[test]
    fn a_run_that_was_not_made_is_told_once_and_its_claims_are_open() {
        let book = book();
        let mut skipped = reported("demo/one", Vec::new());
        skipped.skipped = Some("no room".into());
        let mut failed = reported("demo/one", Vec::new());
        failed.faults = vec!["ended with exit code 1".into()];
        let found = compared(&book, vec![skipped, failed]);
        let not_made = |why: &str| Outcome::NotMade(why.to_owned());
        assert_eq!(
            told(&found),
            [(
                String::new(),
                vec![
                    not_made("skipped: no room"),
                    not_made("failed: ended with exit code 1")
                ]
            )]
        );
        assert_eq!(found.tallies[0].open, 2);
        assert_eq!(found.agreed, 0);
    }

    #[test]
    fn a_report_of_an_earlier_program_is_told_and_one_of_another_check_says_nothing() {
        let book = book();
        let mut earlier = reported("demo/one", vec![claim(&book, 0, DoesNotHold)]);
        earlier.of = "0".into();
        earlier.claims.push(ReportedClaim {
            of: "another".into(),
            ..claim(&book, 1, DoesNotHold)
        });
        let found = compared(&book, vec![earlier]);
        assert!(found.rows.iter().all(|row| row.cells[0].is_earlier));
        let rows = told(&found);
        assert_eq!(rows[0].1, [Outcome::Otherwise("seen 0".into())]);
        assert_eq!(rows[1].1, [Outcome::Changed]);
        assert_eq!(found.tallies[0].earlier, 2);
    }

    #[test]
    fn a_difference_from_the_record_is_told_apart() {
        let book = book();
        let mut differs = reported(
            "demo/one",
            vec![claim(&book, 0, Holds), claim(&book, 1, DoesNotHold)],
        );
        differs.differs = Some(vec!["only live: x".into()]);
        let found = compared(&book, vec![differs]);
        assert_eq!(told(&found), [], "its claims are as the book says");
        assert_eq!(
            found.differing[0].cells[0].outcome,
            Outcome::Otherwise("only live: x".into())
        );
        assert_eq!(found.agreed, 2);
    }

    #[test]
    fn what_only_the_recorded_size_decides_is_judged_where_it_was_made() {
        let book = book();
        let mut large = reported(
            "demo/one",
            vec![claim(&book, 2, DoesNotHold), claim(&book, 0, Holds)],
        );
        large.size = Size::Recorded;
        let found = compared(&book, vec![large]);
        let rows = told(&found);
        assert_eq!(rows[0], ("B".to_owned(), vec![Outcome::Changed]));
        assert_eq!(
            rows[1],
            ("C".to_owned(), vec![Outcome::Otherwise("seen 2".into())])
        );
        assert_eq!(found.rows[1].size, Size::Recorded);
        assert_eq!(found.agreed, 1);
    }
}
