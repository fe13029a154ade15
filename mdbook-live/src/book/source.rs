//! TOML files as an author writes them, and errors with their lines.

use std::ops::Range;
use std::path::Path;

use anyhow::{Result, anyhow};
use serde::de::DeserializeOwned;

use crate::book::config::Config;
use crate::text::words::expected;

/// A file that is being read, for errors with its lines.
pub(super) struct Source<'a> {
    /// Its path from the book's root.
    pub(super) name: String,
    pub(super) text: &'a str,
    pub(super) dir: &'a Path,
    pub(super) config: &'a Config,
}

impl Source<'_> {
    pub(super) fn line(&self, span: Range<usize>) -> usize {
        line_of(self.text, span.start)
    }

    pub(super) fn error<T>(
        &self,
        span: Range<usize>,
        problem: impl std::fmt::Display,
    ) -> Result<T> {
        Err(anyhow!("{}:{}: {problem}", self.name, self.line(span)))
    }
}

/// Reads a TOML file. An error is one line: file, line, key, what is expected.
pub(super) fn parse<T: DeserializeOwned>(file: &str, text: &str) -> Result<T> {
    toml::from_str(text).map_err(|error| syntax_error(file, text, &error))
}

pub(super) fn line_of(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or(text);
    before.matches('\n').count() + 1
}

/// A TOML error in one line, with its place, its key, and the nearest name where one is unknown.
pub(crate) fn syntax_error(file: &str, text: &str, error: &toml::de::Error) -> anyhow::Error {
    let (line, problem) = problem_of(text, error);
    anyhow!("{file}:{line}: {problem}")
}

/// The line of a TOML error, and what is wrong there.
pub(super) fn problem_of(text: &str, error: &toml::de::Error) -> (usize, String) {
    let span = error.span().unwrap_or(0..0);
    let message = error.message().split('\n').collect::<Vec<_>>().join("; ");
    let mut message = message.replace("unknown field", "unknown key");
    message = message.replace("missing field", "missing key");
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    if message.starts_with("unknown ")
        && let [wrong, right @ ..] = &quoted[..]
    {
        let what = message.split(' ').nth(1).unwrap_or_default();
        let what = if what == "variant" { "value" } else { what };
        message = format!("unknown {what} `{wrong}`; {}", expected(wrong, right));
    }
    let hint = if message.contains("escape") {
        "; patterns stand in single quotes: '\\d+'"
    } else if message.contains("invalid type: map, expected a sequence") {
        "; expected a list of tables, each below its name in double brackets: [[run]]"
    } else if message.contains("expected a sequence") {
        "; expected a list: [\"one\", \"two\"]"
    } else if message.starts_with("unknown key `claim`") {
        "; a claim is its run's: [[run.claim]]"
    } else {
        ""
    };
    message.push_str(hint);
    if !message.starts_with("unknown key")
        && let Some(key) = key_at(text, span.start)
    {
        message = format!("{key}: {message}");
    }
    (line_of(text, span.start), message)
}

/// The key whose value is at that place, where it is on the same line.
fn key_at(text: &str, at: usize) -> Option<&str> {
    let start = text.get(..at)?.rfind('\n').map_or(0, |end| end + 1);
    let before = text.get(start..at)?;
    let key = before.rsplit_once('=')?.0;
    let key = key.rsplit(['{', ',']).next()?.trim();
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    (!key.is_empty() && key.chars().all(plain)).then_some(key)
}
