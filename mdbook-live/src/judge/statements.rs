//! What becomes of the notes' statements: the rows of a table, gathered from the claims of
//! the runs that chapters show.

use crate::book::claim::Claim;
use crate::judge::checks::{CheckResult, Judgement};

/// What becomes of a statement of the notes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReferenceVerdict {
    /// As they say.
    Holds,
    /// Under a condition that they do not name.
    HoldsWhen(String),
    /// Not as they say.
    DoesNotHold,
    /// They leave it out.
    LeftOut,
    /// It could not be judged: why.
    Open(String),
}

impl Claim {
    /// What becomes of that, by the verdict on this claim.
    pub fn fate(&self, judgement: &Judgement) -> ReferenceVerdict {
        let verdict = match judgement {
            Judgement::Decided(verdict) => verdict,
            other => {
                return ReferenceVerdict::Open(other.why_not().unwrap_or_default().to_owned());
            }
        };
        if !self.is_as_the_book_says(verdict) {
            return ReferenceVerdict::Open(format!("not as the book says: {}", verdict.seen));
        }
        match (&self.statement, &self.when) {
            (Some(statement), _) if statement.left_out => ReferenceVerdict::LeftOut,
            (_, Some(condition)) => ReferenceVerdict::HoldsWhen(condition.clone()),
            // The book's own sentence holds in place of theirs.
            (Some(_), None) => ReferenceVerdict::DoesNotHold,
            (None, None) if self.refuted => ReferenceVerdict::DoesNotHold,
            (None, None) => ReferenceVerdict::Holds,
        }
    }

    /// Whether a check came out as the book says.
    pub fn is_as_the_book_says(&self, verdict: &CheckResult) -> bool {
        verdict.holds != self.refuted
    }

    /// What is wrong where it did not. `on` says what the check was made on, where
    /// that is not plain: " on the record".
    pub fn fault(&self, verdict: &CheckResult, on: &str) -> String {
        let outcome = match self.refuted {
            true => "holds, though the book refutes it",
            false => "does not hold",
        };
        format!(
            "the claim \"{}\" {outcome}{on}: {}",
            self.says, verdict.seen
        )
    }
}

/// A statement of the notes with what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What they say, or leave out.
    pub statement: String,
    /// What became of it; more than one where runs disagree.
    pub fates: Vec<(ReferenceVerdict, Vec<Reason>)>,
}

/// The claim that decided it.
#[derive(Debug, Clone, PartialEq)]
pub struct Reason {
    /// The run's full name.
    pub run: String,
    /// Where a reader finds that run: a link, from the page that shows the row.
    pub href: String,
    /// The book's sentence, where it is another than the notes'.
    pub says: Option<String>,
    /// What qualifies the outcome.
    pub qualifier: Option<String>,
    /// What was seen, or why nothing was.
    pub seen: String,
}

/// Adds what a claim says of the notes, if it says something of them, to the row of the
/// same statement, or as a new row.
pub fn add(rows: &mut Vec<Row>, claim: &Claim, judgement: &Judgement, run: &str, href: &str) {
    let Some(statement) = claim.of_the_notes() else {
        return;
    };
    let reason = Reason {
        run: run.to_owned(),
        href: href.to_owned(),
        says: claim.statement.is_some().then(|| claim.says.clone()),
        qualifier: claim.verdict.clone(),
        seen: match judgement {
            Judgement::Decided(verdict) => verdict.seen.clone(),
            other => other.why_not().unwrap_or_default().to_owned(),
        },
    };
    let at = rows.iter().position(|row| row.statement == statement);
    let at = at.unwrap_or_else(|| {
        rows.push(Row {
            statement: statement.to_owned(),
            fates: Vec::new(),
        });
        rows.len() - 1
    });
    let fates = &mut rows[at].fates;
    let fate = claim.fate(judgement);
    match fates.iter_mut().find(|(known, _)| *known == fate) {
        Some((_, reasons)) => reasons.push(reason),
        None => fates.push((fate, vec![reason])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::listing::tests::{book_with, one_run};
    use crate::judge::checks::CheckResult;

    #[test]
    fn one_statement_on_several_runs_is_one_row_and_disagreement_is_told() {
        let claim = |keys: &str| format!("[[run.claim]]\nsays = '{keys}'\nsame = '(x)'\n{keys}\n");
        let own = claim("by = \"book\"");
        let toml = one_run(&(claim("by = \"notes\"") + &claim("notes = \"Other\"") + &own));
        let (_dir, book) = book_with(&toml);
        let book = book.expect("it is right");
        let claims = &book.listings[0].runs[0].claims;
        let judgement = |holds| {
            Judgement::Decided(CheckResult {
                holds,
                seen: "this".into(),
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
                let reasons = row.fates.iter().map(|(_, reasons)| reasons.len());
                (row.statement.as_str(), reasons.collect())
            })
            .collect();
        assert_eq!(shapes, [("by = \"notes\"", vec![2, 1]), ("Other", vec![1])]);
        assert_eq!(rows[1].fates[0].0, ReferenceVerdict::DoesNotHold);
        assert_eq!(
            rows[1].fates[0].1[0].says.as_deref(),
            Some("notes = \"Other\"")
        );
    }

    fn fate_of(keys: &str, holds: bool) -> ReferenceVerdict {
        let toml = one_run(&format!(
            "[[run.claim]]\nsays = 'So'\nsame = '(x)'\n{keys}\n"
        ));
        let (_dir, book) = book_with(&toml);
        let book = book.expect("it is right");
        let verdict = CheckResult {
            holds,
            seen: "this".into(),
        };
        book.listings[0].runs[0].claims[0].fate(&Judgement::Decided(verdict))
    }

    #[test]
    fn what_becomes_of_a_statement_follows_from_its_check() {
        assert_eq!(fate_of("by = 'notes'", true), ReferenceVerdict::Holds);
        assert_eq!(
            fate_of("by = 'notes'\nwhen = 'it rains'", true),
            ReferenceVerdict::HoldsWhen("it rains".into())
        );
        assert_eq!(
            fate_of("by = 'notes'\nrefuted = true", false),
            ReferenceVerdict::DoesNotHold
        );
        assert_eq!(
            fate_of("notes = 'Not so'", true),
            ReferenceVerdict::DoesNotHold
        );
        assert_eq!(
            fate_of("notes = 'Nothing of it'\nleft_out = true", true),
            ReferenceVerdict::LeftOut
        );
        for (keys, holds) in [("by = 'notes'", false), ("notes = 'Not so'", false)] {
            let open = ReferenceVerdict::Open("not as the book says: this".into());
            assert_eq!(fate_of(keys, holds), open);
        }
    }
}
