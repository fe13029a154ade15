//! A run's claims against evidence: a live run, a record.

use crate::book::claim::{Claim, On};
use crate::book::listing::{Book, RunRef, Size};
use crate::record::cast::Record;

use crate::judge::checks::{CheckResult, Judgement, Lines};
use crate::judge::figures::{FigureSource, NotesFigures, RecordedFigures};

/// The claims that are checked at a size, with where they stand. Those about the
/// notes are judged on the notes' output, beside those that need the real size.
pub fn judged<'r>(
    book: &Book,
    run: RunRef<'r>,
    size: Size,
    lines: &Lines,
    figures: &dyn FigureSource,
) -> Vec<(&'r Claim, Judgement)> {
    let claims = run.run.claims.iter();
    claims
        .filter(|claim| size == Size::Recorded || claim.on == On::Any)
        .map(|claim| {
            let standing = match claim.on {
                On::Any | On::Record => claim.check.standing(lines, figures),
                On::Notes => match run.notes() {
                    Ok(notes) => {
                        let figures = NotesFigures { book, run };
                        claim.check.standing(&Lines::from(&notes[..]), &figures)
                    }
                    Err(error) => Judgement::Decided(CheckResult {
                        holds: false,
                        seen: format!("{error:#}"),
                    }),
                },
            };
            (claim, standing)
        })
        .collect()
}

/// Every claim of a run, judged on its record.
pub fn judge_record<'r>(
    book: &Book,
    run: RunRef<'r>,
    record: &Record,
) -> Vec<(&'r Claim, Judgement)> {
    let figures = RecordedFigures { book, run, record };
    let lines = record.lines();
    judged(
        book,
        run,
        Size::Recorded,
        &Lines::from(&lines[..]),
        &figures,
    )
}
