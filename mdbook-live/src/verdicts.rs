//! What becomes of the notes' statements: the rows of a table, gathered from the claims of
//! the runs that chapters show.

use crate::claims::{Claim, Fate, Standing};

/// A statement of the notes with what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What they say, or leave out.
    pub statement: String,
    /// What became of it; more than one where runs disagree.
    pub fates: Vec<(Fate, Vec<Reason>)>,
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
pub fn add(rows: &mut Vec<Row>, claim: &Claim, standing: &Standing, run: &str, href: &str) {
    let Some(statement) = claim.of_the_notes() else {
        return;
    };
    let reason = Reason {
        run: run.to_owned(),
        href: href.to_owned(),
        says: claim.statement.is_some().then(|| claim.says.clone()),
        qualifier: claim.verdict.clone(),
        seen: match standing {
            Standing::Decided(verdict) => verdict.seen.clone(),
            Standing::Open(why) => why.clone(),
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
    let fate = claim.fate(standing);
    match fates.iter_mut().find(|(known, _)| *known == fate) {
        Some((_, reasons)) => reasons.push(reason),
        None => fates.push((fate, vec![reason])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::Verdict;
    use crate::runs::tests::{book_with, one_run};

    #[test]
    fn one_statement_on_several_runs_is_one_row_and_disagreement_is_told() {
        let claim = |keys: &str| format!("[[run.claim]]\nsays = '{keys}'\nsame = '(x)'\n{keys}\n");
        let own = claim("by = \"book\"");
        let toml = one_run(&(claim("by = \"notes\"") + &claim("notes = \"Other\"") + &own));
        let (_dir, book) = book_with(&toml);
        let book = book.expect("it is right");
        let claims = &book.listings[0].runs[0].claims;
        let standing = |holds| {
            Standing::Decided(Verdict {
                holds,
                seen: "this".into(),
            })
        };
        let mut rows = Vec::new();
        add(&mut rows, &claims[0], &standing(true), "demo/one", "#a");
        add(&mut rows, &claims[1], &standing(true), "demo/one", "#a");
        add(&mut rows, &claims[0], &standing(true), "demo/two", "#b");
        add(&mut rows, &claims[0], &standing(false), "demo/three", "#c");
        add(&mut rows, &claims[2], &standing(true), "demo/one", "#a");
        let shapes: Vec<(&str, Vec<usize>)> = rows
            .iter()
            .map(|row| {
                let reasons = row.fates.iter().map(|(_, reasons)| reasons.len());
                (row.statement.as_str(), reasons.collect())
            })
            .collect();
        assert_eq!(shapes, [("by = \"notes\"", vec![2, 1]), ("Other", vec![1])]);
        assert_eq!(rows[1].fates[0].0, Fate::DoesNotHold);
        assert_eq!(
            rows[1].fates[0].1[0].says.as_deref(),
            Some("notes = \"Other\"")
        );
    }
}
