//! What becomes of the reference's statements: the rows of a table, gathered from the claims
//! of the runs that chapters show.

use crate::book::claim::{Becomes, Claim};
use crate::judge::checks::{CheckResult, Judgement};

/// What becomes of a statement of the reference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReferenceVerdict {
    /// As it says.
    Holds,
    /// Under a condition that it does not name.
    HoldsWhen(String),
    /// Not as it says.
    DoesNotHold,
    /// It leaves it out.
    LeftOut,
    /// It could not be judged: why.
    Open(String),
}

impl Claim {
    /// What becomes of the reference's statement, by the judgement on this claim; `None` where
    /// it is about none.
    pub fn reference_verdict(&self, judgement: &Judgement) -> Option<ReferenceVerdict> {
        let about = self.reference.as_ref()?;
        let result = match judgement {
            Judgement::Decided(result) => result,
            other => {
                let why = other.why_not().unwrap_or_default().to_owned();
                return Some(ReferenceVerdict::Open(why));
            }
        };
        Some(if !self.is_as_the_book_says(result) {
            ReferenceVerdict::Open(format!("not as the book says: {}", result.seen))
        } else {
            match &about.becomes {
                Becomes::Holds { when: None } => ReferenceVerdict::Holds,
                Becomes::Holds {
                    when: Some(condition),
                } => ReferenceVerdict::HoldsWhen(condition.clone()),
                Becomes::DoesNotHold => ReferenceVerdict::DoesNotHold,
                Becomes::LeftOut => ReferenceVerdict::LeftOut,
            }
        })
    }

    /// Whether a check came out as the book says.
    pub fn is_as_the_book_says(&self, result: &CheckResult) -> bool {
        result.holds != self.is_refuted()
    }

    /// What is wrong where it did not. `on` says what the check was made on, where
    /// that is not plain: " on the record".
    pub fn fault(&self, result: &CheckResult, on: &str) -> String {
        let outcome = if self.is_refuted() {
            "holds, though the book refutes it"
        } else {
            "does not hold"
        };
        format!("the claim \"{}\" {outcome}{on}: {}", self.says, result.seen)
    }
}

/// A statement of the reference with what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What it says, shows or leaves out.
    pub statement: String,
    /// Whether it says so in words; else its outputs show it.
    pub in_words: bool,
    /// What became of it; more than one where runs disagree.
    pub verdicts: Vec<(ReferenceVerdict, Vec<Reason>)>,
}

/// The claim that decided it.
#[derive(Debug, Clone, PartialEq)]
pub struct Reason {
    /// The run's full name.
    pub run: String,
    /// Where a reader finds that run: a link, from the page that shows the row.
    pub href: String,
    /// The book's sentence, where it is another than the reference's.
    pub says: Option<String>,
    /// What qualifies the outcome.
    pub qualifier: Option<String>,
    /// What was seen, or why nothing was.
    pub seen: String,
}

/// Adds what a claim says of the reference, if it says something of it, to the row of the
/// same statement, or as a new row.
pub fn add(rows: &mut Vec<Row>, claim: &Claim, judgement: &Judgement, run: &str, href: &str) {
    let Some((statement, verdict)) = claim.of_reference().zip(claim.reference_verdict(judgement))
    else {
        return;
    };
    let reason = Reason {
        run: run.to_owned(),
        href: href.to_owned(),
        says: (!claim.is_of_reference()).then(|| claim.says.clone()),
        qualifier: claim.note.clone(),
        seen: match judgement {
            Judgement::Decided(result) => result.seen.clone(),
            other => other.why_not().unwrap_or_default().to_owned(),
        },
    };
    let at = rows.iter().position(|row| row.statement == statement);
    let at = at.unwrap_or_else(|| {
        rows.push(Row {
            statement: statement.to_owned(),
            in_words: claim.reference.as_ref().is_none_or(|about| about.in_words),
            verdicts: Vec::new(),
        });
        rows.len() - 1
    });
    let verdicts = &mut rows[at].verdicts;
    match verdicts.iter_mut().find(|(known, _)| *known == verdict) {
        Some((_, reasons)) => reasons.push(reason),
        None => verdicts.push((verdict, vec![reason])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::listing::tests::{book_with, one_run};
    use crate::judge::checks::CheckResult;

    #[test]
    fn one_statement_on_several_runs_is_one_row_and_disagreement_is_told() {
        let claim = |says: &str, keys: &str| {
            format!("[[run.claim]]\nsays = '{says}'\nsame = '(x)'\n{keys}\n")
        };
        let toml = one_run(
            &(claim("Theirs", "reference = { becomes = 'holds' }")
                + &claim(
                    "Ours",
                    "reference = { says = 'Other', becomes = 'does not hold' }",
                )
                + &claim("Own", "")),
        );
        let (_dir, book) = book_with(&toml);
        let book = book.expect("it is right");
        let claims = &book.listings[0].runs[0].claims;
        let judgement = |holds| {
            Judgement::Decided(CheckResult {
                holds,
                seen: "this".into(),
                nothing: false,
            })
        };
        let mut rows = Vec::new();
        add(&mut rows, &claims[0], &judgement(true), "demo/one", "#a");
        add(&mut rows, &claims[1], &judgement(true), "demo/one", "#a");
        add(&mut rows, &claims[0], &judgement(true), "demo/two", "#b");
        add(&mut rows, &claims[0], &judgement(false), "demo/three", "#c");
        add(&mut rows, &claims[2], &judgement(true), "demo/one", "#a");
        let shapes: Vec<(&str, Vec<usize>)> = rows
            .iter()
            .map(|row| {
                let reasons = row.verdicts.iter().map(|(_, reasons)| reasons.len());
                (row.statement.as_str(), reasons.collect())
            })
            .collect();
        assert_eq!(shapes, [("Theirs", vec![2, 1]), ("Other", vec![1])]);
        assert_eq!(rows[1].verdicts[0].0, ReferenceVerdict::DoesNotHold);
        assert_eq!(rows[1].verdicts[0].1[0].says.as_deref(), Some("Ours"));
    }

    fn verdict_of(reference: &str, holds: bool) -> ReferenceVerdict {
        let toml = one_run(&format!(
            "[[run.claim]]\nsays = 'So'\nsame = '(x)'\nreference = {{ {reference} }}\n"
        ));
        let (_dir, book) = book_with(&toml);
        let book = book.expect("it is right");
        let result = CheckResult {
            holds,
            seen: "this".into(),
            nothing: false,
        };
        let claim = &book.listings[0].runs[0].claims[0];
        let verdict = claim.reference_verdict(&Judgement::Decided(result));
        verdict.expect("it is about the reference")
    }

    #[test]
    fn what_becomes_of_a_statement_follows_from_its_check() {
        let rains = ReferenceVerdict::HoldsWhen("it rains".into());
        for (reference, holds, verdict) in [
            ("becomes = 'holds'", true, ReferenceVerdict::Holds),
            ("becomes = 'holds', when = 'it rains'", true, rains.clone()),
            (
                "says = 'Dry', becomes = 'holds', when = 'it rains'",
                true,
                rains,
            ),
            (
                "becomes = 'does not hold'",
                false,
                ReferenceVerdict::DoesNotHold,
            ),
            (
                "says = 'Not so', becomes = 'does not hold'",
                true,
                ReferenceVerdict::DoesNotHold,
            ),
            (
                "says = 'Nothing of it', becomes = 'left out'",
                true,
                ReferenceVerdict::LeftOut,
            ),
        ] {
            assert_eq!(verdict_of(reference, holds), verdict, "{reference}");
            let open = ReferenceVerdict::Open("not as the book says: this".into());
            assert_eq!(verdict_of(reference, !holds), open, "{reference}");
        }
    }
}
