//! Regular expressions as an author writes them, with the captures that they must have.

use regex::Regex;
#[cfg(test)]
use schemars::JsonSchema;
use serde::Deserialize;

/// A regular expression.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(try_from = "String")]
#[cfg_attr(test, schemars(with = "String"))]
pub struct Pattern(pub Regex);

/// A regular expression with exactly one capture.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(try_from = "String")]
#[cfg_attr(test, schemars(with = "String"))]
pub struct Capture(pub Regex);

/// A regular expression with exactly four captures.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(try_from = "String")]
#[cfg_attr(test, schemars(with = "String"))]
pub struct FourCaptures(pub Regex);

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Pattern, String> {
        compile(&text).map(Pattern)
    }
}

impl TryFrom<String> for Capture {
    type Error = String;

    fn try_from(text: String) -> Result<Capture, String> {
        with_captures(&text, 1, r"one, as in 'id: (\w+)'").map(Capture)
    }
}

impl TryFrom<String> for FourCaptures {
    type Error = String;

    fn try_from(text: String) -> Result<FourCaptures, String> {
        with_captures(&text, 4, "four").map(FourCaptures)
    }
}

fn compile(text: &str) -> Result<Regex, String> {
    Regex::new(text).map_err(|error| {
        // The library draws the place in further lines above its last one.
        let error = error.to_string();
        let why = error.lines().last().unwrap_or_default().trim();
        let why = why.strip_prefix("error: ").unwrap_or(why);
        format!("expected a regular expression, found `{text}`: {why}")
    })
}

fn with_captures(text: &str, wanted: usize, expected: &str) -> Result<Regex, String> {
    let regex = compile(text)?;
    match regex.captures_len() - 1 {
        found if found == wanted => Ok(regex),
        1 => Err(format!("expected {expected} captures, found 1 in `{text}`")),
        found => Err(format!(
            "expected exactly {expected}, found {found} captures in `{text}`"
        )),
    }
}
