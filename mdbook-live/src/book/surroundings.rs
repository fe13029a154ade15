//! The surroundings of a program while it runs: its standard input, its client, and the end that
//! the tool makes.

use std::path::PathBuf;
use std::time::Duration;

use regex::Regex;
#[cfg(test)]
use schemars::JsonSchema;
use serde::Deserialize;

use crate::book::pattern::Pattern;
use crate::book::timeout::Timeout;
use crate::text::words::shell_word;

/// What a run reads from standard input.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(
    untagged,
    expecting = "expected a string, or { file = \"NAME\" } with a file in the listing's folder"
)]
pub enum Stdin {
    /// This text.
    Text(String),
    /// A file.
    File(StdinFile),
}

/// A file that a run reads from standard input.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StdinFile {
    /// Its path, from the listing's folder.
    #[cfg_attr(test, schemars(with = "String"))]
    pub file: PathBuf,
}

/// What ends a run that has no end of its own.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(try_from = "EndsToml")]
#[cfg_attr(test, schemars(with = "EndsToml"))]
pub enum Ends {
    /// The time since its start.
    After(Duration),
    /// A line that it prints.
    OnLine(Regex),
}

/// [`Ends`] as an author writes it.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
struct EndsToml {
    /// The time since its start: "2s".
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    after: Option<Timeout>,
    /// Matches the line after which it is ended.
    on_line: Option<Pattern>,
}

impl TryFrom<EndsToml> for Ends {
    type Error = String;

    fn try_from(ends: EndsToml) -> Result<Ends, String> {
        match (ends.after, ends.on_line) {
            (Some(after), None) => Ok(Ends::After(after.0)),
            (None, Some(pattern)) => Ok(Ends::OnLine(pattern.0)),
            _ => Err("expected exactly one of `after` and `on_line`".to_owned()),
        }
    }
}

impl Ends {
    /// The predicate of a sentence about the run.
    pub fn words(&self) -> String {
        match self {
            Ends::After(time) => format!("is ended after {}", humantime::format_duration(*time)),
            Ends::OnLine(pattern) => format!("is ended after a line with `{pattern}`"),
        }
    }
}

/// A program that calls the run's while that runs: the client of a server.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(try_from = "ClientToml")]
#[cfg_attr(test, schemars(with = "ClientToml"))]
pub struct Client {
    /// The program, and its arguments.
    pub command: Vec<String>,
    /// Matches the line of the run after which it is started; at once, where there is none.
    pub on_line: Option<Regex>,
}

impl Client {
    /// Its command, as it would be typed.
    pub fn typed(&self) -> String {
        let words: Vec<String> = self.command.iter().map(|word| shell_word(word)).collect();
        words.join(" ")
    }
}

/// [`Client`] as an author writes it.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
struct ClientToml {
    /// The program, and its arguments.
    command: Vec<String>,
    /// Matches the line of the run after which it is started; at once, where there is none.
    on_line: Option<Pattern>,
}

impl TryFrom<ClientToml> for Client {
    type Error = String;

    fn try_from(client: ClientToml) -> Result<Client, String> {
        if client.command.is_empty() {
            return Err("expected a program and its arguments in `command`".to_owned());
        }
        Ok(Client {
            command: client.command,
            on_line: client.on_line.map(|pattern| pattern.0),
        })
    }
}
