//! What a `runs.toml` may say.
//!
//! Each type is a table or a value of the file. What it accepts is checked where it is read, so
//! that every error has its line; what a later reader sees is complete and without
//! contradiction.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

#[cfg(test)]
use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use crate::book::claim_toml::Claim;
#[cfg(test)]
use crate::book::claim_toml::RawClaim;
use crate::book::figure::{self, Match, Tolerance};
use crate::book::listing::SKIPPED;
use crate::book::pattern::{Capture, FourCaptures, Pattern};
use crate::book::program::CargoVerb;
use crate::book::surroundings::{Client, Ends, Stdin};
use crate::book::timeout::Timeout;

/// A listing: its runs, and what the book claims of them.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct RunsToml {
    /// Patterns of what varies in the lines of every run. Matches are not compared and are grey on
    /// the page; only the number of a figure with `within` is still compared.
    #[serde(default)]
    pub(super) redact: Vec<Pattern>,
    /// Lines that a run may print or not. They are grey on the page.
    #[serde(default)]
    pub(super) ignore_lines: Vec<Pattern>,
    /// Globs of files that the programs read or start but are not built from, relative to the
    /// listing's folder. A change to such a file makes the records stale. Each glob has to match a
    /// file.
    #[serde(default)]
    pub(super) also_hash: Vec<String>,
    /// `true` for a listing that takes long to build: commands for the whole book leave it out, and
    /// most of them say so. Commands that name it, such as `check LISTING`, build it.
    #[serde(default)]
    pub(super) on_request: bool,
    /// Environment variables of all its runs, besides those of `book.toml`.
    #[serde(default)]
    pub(super) env: BTreeMap<String, String>,
    /// Numbers that can be read from the lines of its runs, by name: letters, digits and `_`.
    #[serde(default)]
    #[cfg_attr(test, schemars(with = "BTreeMap<String, Figure>"))]
    pub(super) figures: BTreeMap<FigureKey, Figure>,
    /// Its runs, at least one.
    #[cfg_attr(test, schemars(with = "Vec<Run>"))]
    pub(super) run: Vec<Spanned<Run>>,
    /// Pictures: figures of several of its runs, or series of one.
    #[serde(default)]
    #[cfg_attr(test, schemars(with = "Vec<Chart>"))]
    pub(super) chart: Vec<Spanned<Chart>>,
    /// What a reader is asked to do.
    #[serde(default)]
    #[cfg_attr(test, schemars(with = "Vec<Exercise>"))]
    pub(super) exercise: Vec<Spanned<Exercise>>,
}

/// The name of a figure: letters, digits and `_`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct FigureKey(pub(super) String);

impl TryFrom<String> for FigureKey {
    type Error = String;

    fn try_from(name: String) -> Result<FigureKey, String> {
        if figure::built_in().any(|known| known == name) {
            return Err(format!("{name} is built in; expected another name"));
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(plain) {
            return Err(format!(
                "expected letters, digits and _ in a figure's name, found `{name}`"
            ));
        }
        Ok(FigureKey(name))
    }
}

/// How a number is read from a run's lines.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Figure {
    /// Its one capture is the number. Underscores may group the digits.
    pub(super) pattern: Capture,
    /// Its unit; none for a bare number.
    #[serde(default)]
    pub(super) unit: String,
    /// Which line counts where several match.
    #[serde(default, rename = "match")]
    pub(super) which: Match,
    /// How far a live run's number may be from its record's: `"×3"`, `"± 0.5"` or
    /// `"×3 ± 0.5"`. More is a difference. Such a number is compared even inside what is
    /// redacted, and is not grey. Without it, a number that is not redacted has to be the same.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub(super) within: Option<Tolerance>,
}

/// One way to run the listing.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Run {
    /// Unique in the listing: letters, digits, `-` and `_`. `LISTING/NAME` names the run everywhere
    /// else. Without it, the run is named after what it runs: `run`, `test`, `build`, `check`, `clippy`, or its program's name.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub(super) name: Option<RunName>,
    /// What a reader sees above it.
    #[serde(default)]
    pub(super) caption: String,
    /// What cargo does: what cargo, the compiler and the program print together, as in a
    /// terminal, belongs to the run. Without it cargo builds the program, and the run is what
    /// that prints.
    pub(super) cargo: Option<CargoVerb>,
    /// Options of cargo itself, before `--`. Only with `cargo`.
    #[serde(default)]
    pub(super) options: Vec<String>,
    /// The name of the package to use, if the listing's folder has several. Not with `command`.
    pub(super) package: Option<String>,
    /// Another program in place of cargo, by its name in the `PATH` or its path, and its first
    /// arguments: `["python3", "sum.py"]`. No shell is involved.
    #[serde(default)]
    pub(super) command: Vec<String>,
    /// Environment variables, besides those of the listing. The page shows them before the
    /// command.
    #[serde(default)]
    pub(super) env: BTreeMap<String, String>,
    /// Its standard input: a string, or `{ file = "NAME" }`. Without it, standard input is empty.
    pub(super) stdin: Option<Stdin>,
    /// When the tool ends a program that does not end by itself: `{ after = "2s" }`, a time below
    /// `timeout`, or `{ on_line = 'pattern' }`. A program that ends by itself before that has
    /// failed. Not with `status`.
    pub(super) ends: Option<Ends>,
    /// A program that is started while this one runs, such as the client of a server: its
    /// `command`, and `on_line`, the line that it waits for. Its lines belong to the run. The run
    /// ends when the client does, unless `ends` says when. A client that fails makes the run fail.
    pub(super) client: Option<Client>,
    /// A text file in the listing's folder that has the command and the record: `export` writes
    /// it, `import` reads it, and a block of a chapter that only includes it is shown as the run.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub(super) text: Option<PathBuf>,
    /// The program `src/bin/NAME.rs`, in place of `src/main.rs`.
    pub(super) bin: Option<String>,
    /// The program `examples/NAME.rs`, in place of `src/main.rs`.
    pub(super) example: Option<String>,
    /// The program's arguments: after `--` for cargo, after the words of `command` otherwise.
    #[serde(default)]
    pub(super) args: Vec<String>,
    /// The time limit, such as `"20s"` or `"2min"`. A run that takes longer is ended and fails.
    #[serde(default = "default_timeout")]
    #[cfg_attr(test, schemars(with = "String"))]
    pub(super) timeout: Timeout,
    /// A smaller size, for a run that takes long. `check`, `run` and `exercise` use it, and **Run**
    /// on a page by default; `record` makes a record of each size, and `review` looks at the
    /// recorded one.
    pub(super) quick: Option<Quick>,
    /// The figure by which the median of several recordings is chosen.
    #[serde(default = "default_rank")]
    pub(super) rank_by: String,
    /// `true`: it is recorded once, without a warm-up, because its program repeats its measurement
    /// itself. By default `true` for `cargo` and `command`, `false` for plain runs. A `cargo` or
    /// `command` run with dependencies to build has a warm-up all the same.
    pub(super) once: Option<bool>,
    /// `true`: the lines of each stream may come in any order. Each has to come as often as in the
    /// record.
    #[serde(default)]
    pub(super) unordered: bool,
    /// Whether the memory of its processes is sampled when it is recorded, and when a reader makes
    /// it from the page. The default is `memory` of `book.toml` for plain runs, and `false` for
    /// `cargo` and `command`. `check` samples it where a claim reads a figure of memory.
    pub(super) memory: Option<bool>,
    /// How much private memory each of its processes may have: `"64 MiB"`, a whole number of
    /// KiB, MiB or GiB. Linux refuses a process more of it (`RLIMIT_DATA` of getrlimit(2)):
    /// heaps, stacks of threads and private mappings that can be written to count, whether a
    /// page of them is touched or not; shared mappings do not.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub(super) data_limit: Option<Bytes>,
    /// The exit status that the run has to end with. 77 is not allowed: by it a program says that
    /// it cannot run here, and the run is skipped, with its last line as the reason.
    #[serde(default)]
    #[cfg_attr(test, schemars(with = "u8"))]
    pub(super) status: Status,
    /// What the book claims of it.
    #[serde(default)]
    #[cfg_attr(test, schemars(with = "Vec<RawClaim>"))]
    pub(super) claim: Vec<Spanned<Claim>>,
}

/// A size that takes seconds.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Quick {
    /// The arguments at this size; without them, those of the record.
    pub(super) args: Option<Vec<String>>,
    /// The time limit at this size; without one, that of the record.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub(super) timeout: Option<Timeout>,
}

fn default_timeout() -> Timeout {
    Timeout(Duration::from_secs(60))
}

fn default_rank() -> String {
    figure::WALL_S.to_owned()
}

/// The name of a run.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct RunName(pub(super) String);

impl TryFrom<String> for RunName {
    type Error = String;

    fn try_from(name: String) -> Result<RunName, String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        if name.is_empty() || !name.chars().all(plain) {
            return Err(format!(
                "expected letters, digits, - and _ in a run's name, found `{name}`"
            ));
        }
        Ok(RunName(name))
    }
}

/// An amount of memory above zero: `64 MiB`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Bytes(pub(super) u64);

impl TryFrom<String> for Bytes {
    type Error = String;

    fn try_from(text: String) -> Result<Bytes, String> {
        let unit = |(number, unit): (&str, &str)| {
            let shift = match unit {
                "KiB" => 10,
                "MiB" => 20,
                "GiB" => 30,
                _ => return None,
            };
            let number: u64 = number.parse().ok()?;
            number.checked_mul(1 << shift).filter(|bytes| *bytes > 0)
        };
        let bytes = text.split_once(' ').and_then(unit);
        bytes.map(Bytes).ok_or_else(|| {
            format!("expected a whole number of KiB, MiB or GiB such as \"64 MiB\", found `{text}`")
        })
    }
}

/// An exit status.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(try_from = "i64")]
pub(super) struct Status(pub(super) i32);

impl TryFrom<i64> for Status {
    type Error = String;

    fn try_from(status: i64) -> Result<Status, String> {
        match u8::try_from(status) {
            Ok(status) if i32::from(status) != SKIPPED => Ok(Status(status.into())),
            _ => Err(format!(
                "expected an exit status from 0 to 255 other than {SKIPPED}, by which a program says that it cannot run here, found {status}"
            )),
        }
    }
}

/// A task for the reader: a starter, `examples/exercise_NAME.rs`, that the reader changes until
/// the claims of its runs hold on it, or a program by a generator.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Exercise {
    /// Unique among the listing's exercises: letters, digits, `-` and `_`. `LISTING/NAME`, or
    /// `NAME` where it is the only one, names it.
    #[cfg_attr(test, schemars(with = "String"))]
    pub(super) name: RunName,
    /// Its heading.
    pub(super) title: String,
    /// How hard it is: 1, 2 or 3.
    pub(super) level: u8,
    /// How long it takes.
    pub(super) minutes: u32,
    /// The runs of its solution whose claims decide it, on the reader's program with the same
    /// arguments at the quick size; without it, the run of its name. One of the claims has a
    /// `hint`.
    pub(super) runs: Option<Vec<String>>,
    /// Instead of runs: the program `src/bin/NAME.rs`, which writes a fresh program for each
    /// seed.
    pub(super) generator: Option<String>,
}

/// A picture: figures of several runs, or series of one.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Chart {
    /// Unique in the listing. `{{#chart LISTING/NAME}}` shows it with bars or lines,
    /// `{{#table LISTING/NAME}}` as a table alone.
    pub(super) name: String,
    /// What a reader sees above it.
    pub(super) caption: String,
    /// Runs of this listing, whose figures it shows.
    #[serde(default)]
    pub(super) runs: Vec<String>,
    /// The figures that it shows of each.
    #[serde(default)]
    pub(super) figure: Vec<Charted>,
    /// Or one run, whose series it shows.
    pub(super) run: Option<String>,
    /// The unit of the horizontal axis, with `series`.
    pub(super) x_unit: Option<String>,
    /// The unit of the vertical axis, with `series`.
    pub(super) y_unit: Option<String>,
    /// What the bars around a point show: "between which values eight in ten tries lie".
    pub(super) spread: Option<String>,
    /// The series that it shows of that run.
    #[serde(default)]
    pub(super) series: Vec<Series>,
}

/// A figure that a chart shows of each of its runs.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Charted {
    /// Its name.
    pub(super) figure: String,
    /// What a reader sees above it.
    pub(super) heading: String,
    /// The figure of the reference that is shown next to it.
    pub(super) reference: Option<String>,
    /// The heading of that, where it is another.
    pub(super) reference_heading: Option<String>,
}

/// A series of a plot.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Series {
    /// What it is.
    pub(super) name: String,
    /// Its four captures are where, the median, the least and the most.
    pub(super) pattern: FourCaptures,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::listing::tests::book_with;

    #[test]
    fn an_amount_of_memory_has_a_unit() {
        let bytes = |text: &str| Bytes::try_from(text.to_owned()).map(|bytes| bytes.0);
        assert_eq!(bytes("64 MiB"), Ok(64 << 20));
        assert_eq!(bytes("1 GiB"), Ok(1 << 30));
        for wrong in [
            "64",
            "64MiB",
            "64 MB",
            "0 KiB",
            "-1 KiB",
            "1.5 MiB",
            "99999999999 GiB",
        ] {
            let error = bytes(wrong).expect_err(wrong);
            assert!(
                error.starts_with("expected a whole number of KiB"),
                "{error}"
            );
        }
    }

    #[test]
    fn the_references_example_is_right() {
        let reference = include_str!("../../guide/src/reference.md");
        let example = reference.split("```toml\n").nth(1).expect("an example");
        let example = example.split("```").next().expect("its end");
        let (_dir, book) = book_with(example);
        assert_eq!(book.expect("it is right").runs().count(), 2);
    }
}
