//! Which choice of a question is right: the one that holds on the record.

use std::collections::HashMap;

use crate::book::listing::{Book, RunRef};
use crate::book::question::Question;
use crate::judge::checks::CheckResult;
use crate::judge::figures::RecordedFigures;
use crate::record::cast::Record;

/// What a record says of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// What was seen of each choice; exactly one of them holds.
    Known(Vec<CheckResult>),
    /// Why none is known to hold, though nothing is wrong.
    Open(String),
}

/// Judges the choices on the record of the question's run, where there is one.
///
/// # Errors
///
/// Which choices hold, unless that is exactly one.
pub fn answer(
    book: &Book,
    run: RunRef<'_>,
    record: Option<&Record>,
    question: &Question,
) -> Result<Answer, String> {
    let Some(record) = record else {
        let why = format!("{} has not been recorded yet", run.full_name());
        return Ok(Answer::Open(why));
    };
    let figures = RecordedFigures {
        book,
        run,
        record,
        beside: &HashMap::new(),
    };
    let mut results = Vec::new();
    for choice in &question.choices {
        if let Some(why) = choice.check.open_question(&figures) {
            return Ok(Answer::Open(why));
        }
        results.push(choice.check.judge(&record.lines, &figures));
    }
    let choices = question.choices.iter().zip(&results);
    let right: Vec<String> = choices
        .clone()
        .filter(|(_, result)| result.holds)
        .map(|(choice, _)| format!("\"{}\"", choice.says))
        .collect();
    let name = run.full_name();
    match &right[..] {
        [_] => Ok(Answer::Known(results)),
        [] => {
            let seen: Vec<String> = choices
                .map(|(choice, result)| format!("\"{}\": {}", choice.says, result.seen))
                .collect();
            Err(format!(
                "expected one choice to hold on the record of {name}, found none; seen for {}",
                seen.join("; ")
            ))
        }
        several => Err(format!(
            "expected one choice to hold on the record of {name}, found {}: {}",
            several.len(),
            several.join(", ")
        )),
    }
}
