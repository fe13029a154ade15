//! The tool's part of `book.toml`: `[preprocessor.live]`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use regex::Regex;
#[cfg(test)]
use schemars::JsonSchema;
use serde::Deserialize;

use crate::book::pattern::{Capture, Pattern};
use crate::book::site::SiteConfig;

/// What `book.toml` says of the book's listings.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Globs of the listings' folders, from the book's root.
    #[serde(default = "listings")]
    pub listings: Vec<String>,
    /// What varies in the lines of every listing, as in a listing's own `redact`.
    #[serde(default)]
    pub redact: Vec<Pattern>,
    /// Lines that a run of any listing may print or not, as in a listing's own `ignore_lines`.
    #[serde(default)]
    pub ignore_lines: Vec<Pattern>,
    /// Which part of a line names its process: a pattern with one capture. The lines of each
    /// process are then compared in their order, and how those of several processes interleave is
    /// free. Without it all lines of a run are compared in their order, as those of `cargo` runs
    /// always are.
    pub process: Option<Capture>,
    /// Lines of Rust sources that neither the page nor cargo sees, as it is with lines that carry
    /// anchors. A pattern has to match the whole line, its indentation included: `'\s*//
    /// --snip--'`. Cargo sees them all the same where a listing is built in place.
    #[serde(default)]
    pub strip_lines: Vec<Pattern>,
    /// Environment variables of all runs. The page shows them before each command.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Whether the memory of programs is sampled when their runs are recorded, where a run does
    /// not say otherwise.
    #[serde(default)]
    pub memory: bool,
    /// The text file in each listing's folder that has the command and the record of its first
    /// run, as a run's own `text`.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub text: Option<PathBuf>,
    /// A second source that the book goes back to, beside its own output.
    pub reference: Option<Reference>,
    /// Figures at the end of a line that stand in columns of their own.
    pub cells: Option<Cells>,
    /// Works that chapters cite by a short form, such as `mmap(2)`. Each citation becomes a
    /// link.
    #[serde(default)]
    pub cited: Vec<CitedWork>,
    /// Phrases in which a glossary term does not count as used: `["this page"]`.
    #[serde(default)]
    pub not_terms: Vec<String>,
    /// What a reader types in the book's folder to call this tool: `"cargo run --"`.
    #[serde(default = "tool")]
    pub tool: String,
    /// How timelines read what processes report.
    #[serde(default)]
    pub timeline: TimelineConfig,
    /// How diagrams are drawn.
    #[serde(default)]
    pub diagram: DiagramConfig,
    /// Where the book is published, and how others show it.
    #[serde(default)]
    pub site: SiteConfig,

    /// mdBook's: the command that runs the preprocessor.
    #[serde(rename = "command")]
    _command: Option<String>,
    /// mdBook's: the preprocessors that come after this one.
    #[serde(default, rename = "before")]
    _before: Vec<String>,
    /// mdBook's: the preprocessors that come before this one.
    #[serde(default, rename = "after")]
    _after: Vec<String>,
    /// mdBook's: the renderers for which the preprocessor runs.
    #[serde(default, rename = "renderers")]
    _renderers: Vec<String>,
    /// mdBook's: whether the preprocessor may be missing.
    #[serde(default, rename = "optional")]
    _optional: bool,
}

/// A second source: what another program printed for the same run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// What the book calls it, as the title of a column.
    pub name: String,
    /// A line about it, below the title.
    #[serde(default)]
    pub about: String,
    /// What stands before a sentence of it: "The manual says".
    pub says: String,
    /// The folder in a listing where `RUN.txt` has what it printed for a run.
    pub folder: String,
}

/// Figures at the end of a line: an output has a column for each, below its head.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(try_from = "CellsToml")]
#[cfg_attr(test, schemars(with = "CellsToml"))]
pub struct Cells {
    /// Matches the end of a line that has them: a capture for each.
    pub pattern: Regex,
    /// What stands above each.
    pub heads: Vec<String>,
}

/// [`Cells`] as an author writes them.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
struct CellsToml {
    /// Matches the end of a line that has them, with a capture for each.
    pattern: Pattern,
    /// What stands above each.
    heads: Vec<String>,
}

impl TryFrom<CellsToml> for Cells {
    type Error = String;

    fn try_from(CellsToml { pattern, heads }: CellsToml) -> Result<Cells, String> {
        let Pattern(pattern) = pattern;
        match pattern.captures_len() - 1 {
            found if found == heads.len() && found > 0 => Ok(Cells { pattern, heads }),
            found => Err(format!(
                "expected a head for each capture of the pattern, found {} for {found}",
                heads.len()
            )),
        }
    }
}

/// Where a cited work is to be read.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CitedWork {
    /// Matches a citation in prose.
    pub cites: Pattern,
    /// Its address, with `$1` for what the first capture has matched.
    pub at: String,
}

/// The states that processes report, and how a timeline shows them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TimelineConfig {
    /// The process whose lane comes first.
    pub first: Option<String>,
    /// The state of a process that prepares. It is left out at the beginning, up to the next
    /// report.
    pub preparing: Option<String>,
    /// What the caption adds where what is `preparing` is left out: "from when the data was
    /// loaded".
    #[serde(default)]
    pub prepared: String,
    /// The state of a process that has nothing to do.
    pub idle: Option<String>,
    /// The word by which a process reports that it does nothing more.
    pub ended: Option<String>,
    /// The states that the picture's words describe: when the first and the last of each
    /// begins.
    #[serde(default)]
    pub described: Vec<String>,
    /// How each state is drawn, by its name; one that is not named is low.
    #[serde(default)]
    pub styles: BTreeMap<String, StateStyle>,
}

/// How a state is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum StateStyle {
    /// A thin line.
    Thin,
    /// A hatched bar.
    Hatched,
    /// A dotted bar.
    Dotted,
    /// A solid bar.
    Solid,
    /// A low bar.
    Low,
}

/// Names for colours that diagrams use.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DiagramConfig {
    /// Colours by name: `owner = "blue"` makes `$owner` that colour of the theme.
    #[serde(default)]
    pub colours: BTreeMap<String, ThemeColour>,
}

/// A colour that every theme has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum ThemeColour {
    Red,
    Green,
    Yellow,
    Blue,
    Magenta,
    Cyan,
}

impl ThemeColour {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            ThemeColour::Red => "red",
            ThemeColour::Green => "green",
            ThemeColour::Yellow => "yellow",
            ThemeColour::Blue => "blue",
            ThemeColour::Magenta => "magenta",
            ThemeColour::Cyan => "cyan",
        }
    }
}

fn tool() -> String {
    "mdbook-live".to_owned()
}

fn listings() -> Vec<String> {
    vec!["listings/*".to_owned()]
}

impl Config {
    /// Finds the process of a line, for claims about several processes: its first word, where
    /// the book does not say.
    pub fn process_of_line(&self) -> Regex {
        let told = self.process.as_ref().map(|pattern| pattern.0.clone());
        told.unwrap_or_else(|| {
            Regex::new(r"^\s*(\S+)").expect("a constant pattern, compiled by every test")
        })
    }
}

impl Default for Config {
    fn default() -> Config {
        Config {
            listings: listings(),
            redact: Vec::new(),
            ignore_lines: Vec::new(),
            process: None,
            env: BTreeMap::new(),
            memory: false,
            strip_lines: Vec::new(),
            text: None,
            reference: None,
            cells: None,
            cited: Vec::new(),
            not_terms: Vec::new(),
            tool: tool(),
            timeline: TimelineConfig::default(),
            diagram: DiagramConfig::default(),
            site: SiteConfig::default(),
            _command: None,
            _before: Vec::new(),
            _after: Vec::new(),
            _renderers: Vec::new(),
            _optional: false,
        }
    }
}
