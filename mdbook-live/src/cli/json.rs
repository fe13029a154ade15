//! What `list`, `run` and `check` answer to a program: `schema/answers.json` describes it.

use std::io::Write;

use anyhow::Result;
#[cfg(test)]
use schemars::JsonSchema;
use serde::Serialize;

use crate::judge::agreement::Agreement;
use crate::judge::checks::Judgement;
use crate::record::line::{Line, Stream};

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// For a person.
    Words,
    /// For a program: one JSON value.
    Json,
}

/// An answer of one of the verbs that have `--json`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(tag = "verb", rename_all = "lowercase")]
pub(super) enum Answer {
    /// `list --json`
    List {
        /// Every run of the book.
        runs: Vec<ListedRun>,
    },
    /// `run --json`
    Run(Box<MadeRun>),
    /// `check --json`
    Check {
        /// The compiler, `rustc --version`, where there is one.
        rustc: Option<String>,
        /// How many runs passed.
        passed: usize,
        /// How many said that they cannot run here.
        skipped: usize,
        /// How many failed.
        failed: usize,
        /// Each run that was checked.
        runs: Vec<CheckedRun>,
        /// What stops a build of the pages, a sentence each, where the whole book is checked.
        pages: Vec<String>,
        /// The runs that no page shows, where the whole book is checked.
        not_shown: Vec<String>,
    },
}

/// A run, as it is listed.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(super) struct ListedRun {
    /// `LISTING/RUN`
    pub(super) run: String,
    /// What a reader sees above it.
    pub(super) caption: String,
    /// The listing's folder, from the book's root.
    pub(super) folder: String,
    /// What a reader types there.
    pub(super) command: String,
    /// How many claims the book makes of it.
    pub(super) claims: usize,
    /// The day of its record, where there is one.
    pub(super) recorded: Option<String>,
    /// The compiler of its record, where that is known.
    pub(super) rustc: Option<String>,
    /// Why its record is stale, or cannot be read.
    pub(super) problem: Option<String>,
}

/// A run that was checked.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(super) struct CheckedRun {
    /// `LISTING/RUN`
    pub(super) run: String,
    /// What became of it.
    pub(super) outcome: Outcome,
    /// How long it took, in seconds, if it could be started.
    pub(super) seconds: Option<f64>,
    /// Why it was skipped, in its own words.
    pub(super) skipped: Option<String>,
    /// Whether it was compared with a record.
    pub(super) compared: bool,
    /// How many claims came out as the book says, on the live run or on the record.
    pub(super) claims_held: usize,
    /// What is wrong, a sentence each.
    pub(super) faults: Vec<String>,
    /// What should be seen to, a sentence each.
    pub(super) warnings: Vec<String>,
}

/// What became of a run that was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(super) enum Outcome {
    /// Nothing is wrong.
    Passed,
    /// It says that it cannot run here.
    Skipped,
    /// Something is wrong.
    Failed,
}

/// A run that was made.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(super) struct MadeRun {
    /// `LISTING/RUN`
    pub(super) run: String,
    /// What a reader types in the listing's folder.
    pub(super) command: String,
    /// How long it took, in seconds.
    pub(super) seconds: f64,
    /// Its exit status: 128 and the number of the signal, where one ended it.
    pub(super) exit: i32,
    /// What it printed.
    pub(super) lines: Vec<PrintedLine>,
    /// Why it was skipped, in its own words.
    pub(super) skipped: Option<String>,
    /// What is wrong with how it ended.
    pub(super) faults: Vec<String>,
    /// How it compares with its record, where there is one.
    pub(super) agreement: Option<Compared>,
    /// Its claims that are judged on such a run.
    pub(super) claims: Vec<JudgedClaim>,
}

/// A line that a run printed.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(super) struct PrintedLine {
    /// `output`, `error`, or `client`; what is printed in one place, as in a terminal, is
    /// `output`.
    pub(super) stream: &'static str,
    /// The line, without colours.
    pub(super) text: String,
    /// When it was read, in seconds from the start.
    pub(super) seconds: f64,
}

/// A run beside its record.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(super) struct Compared {
    /// Whether they are the same lines, apart from what varies.
    pub(super) agrees: bool,
    /// The lines that only the record has.
    pub(super) only_recorded: Vec<String>,
    /// The lines that only the run has.
    pub(super) only_live: Vec<String>,
}

/// A claim, and its verdict.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(super) struct JudgedClaim {
    /// The sentence.
    pub(super) says: String,
    /// Whether its check holds; `null` where it was not judged.
    pub(super) holds: Option<bool>,
    /// What was seen, or why it was not judged.
    pub(super) seen: String,
}

impl PrintedLine {
    pub(super) fn of(line: &Line) -> PrintedLine {
        PrintedLine {
            stream: match line.stream {
                Stream::Output => "output",
                Stream::Error => "error",
                Stream::Client => "client",
            },
            text: line.text().to_owned(),
            seconds: line.seconds,
        }
    }
}

impl Compared {
    pub(super) fn of(agreement: &Agreement) -> Compared {
        let texts = |lines: &[crate::judge::agreement::Difference]| {
            lines.iter().map(|line| line.text.clone()).collect()
        };
        Compared {
            agrees: agreement.agrees(),
            only_recorded: texts(&agreement.only_recorded),
            only_live: texts(&agreement.only_live),
        }
    }
}

impl JudgedClaim {
    pub(super) fn of(says: &str, judgement: &Judgement) -> JudgedClaim {
        let (holds, seen) = match judgement {
            Judgement::Decided(result) => (Some(result.holds), result.seen.clone()),
            other => (None, other.why_not().unwrap_or_default().to_owned()),
        };
        JudgedClaim {
            says: says.to_owned(),
            holds,
            seen,
        }
    }
}

/// The schema of all of them.
#[cfg(test)]
pub(crate) fn schema() -> schemars::Schema {
    schemars::schema_for!(Answer)
}

/// Writes an answer.
pub(super) fn write(answer: &Answer, out: &mut dyn Write) -> Result<()> {
    let text = serde_json::to_string_pretty(answer)?;
    Ok(writeln!(out, "{text}")?)
}
