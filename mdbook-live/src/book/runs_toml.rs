//! What a `runs.toml` may say.
//!
//! Each type is a table or a value of the file. What it accepts is checked where it is read, so
//! that every error has its line; what a later reader sees is complete and without
//! contradiction.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use crate::book::claim::{AboutReference, Becomes, Bound, On};
use crate::book::figure::{BUILT_IN, FigureName, Match};
use crate::book::listing::SKIPPED;
use crate::book::pattern::{Capture, FourCaptures, Pattern};

/// A listing: its runs, and what the book claims of them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RunsToml {
    /// What varies in the lines of every run: each match is left out of the comparison with the
    /// record, and grey on the page.
    #[serde(default)]
    pub(super) redact: Vec<Pattern>,
    /// Lines that a run may print or not.
    #[serde(default)]
    pub(super) ignore_lines: Vec<Pattern>,
    /// Globs of files that its programs read or start and are not built from. A change of one
    /// makes the records stale.
    #[serde(default)]
    pub(super) also_hash: Vec<String>,
    /// Numbers that can be read from the lines of its runs, by name.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Figure>")]
    pub(super) figures: BTreeMap<FigureKey, Figure>,
    /// Its runs.
    #[schemars(with = "Vec<Run>")]
    pub(super) run: Vec<Spanned<Run>>,
    /// Figures of several of its runs, or series of one, as pictures.
    #[serde(default)]
    #[schemars(with = "Vec<Chart>")]
    pub(super) chart: Vec<Spanned<Chart>>,
}

/// The name of a figure: letters, digits and `_`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct FigureKey(pub(super) String);

impl TryFrom<String> for FigureKey {
    type Error = String;

    fn try_from(name: String) -> Result<FigureKey, String> {
        if BUILT_IN.contains(&&*name) {
            return Err(format!("{name} is built in; expected another name"));
        }
        match name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            true if !name.is_empty() => Ok(FigureKey(name)),
            _ => Err(format!(
                "expected letters, digits and _ in a figure's name, found `{name}`"
            )),
        }
    }
}

/// How a number is read from a run's lines.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Figure {
    /// Has exactly one capture, the number; underscores may group its digits.
    pub(super) pattern: Capture,
    /// Its unit; none for a bare number.
    #[serde(default)]
    pub(super) unit: String,
    /// Which of several lines counts.
    #[serde(default, rename = "match")]
    pub(super) which: Match,
}

/// One way to run the listing.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Run {
    /// Unique in the listing: letters, digits, - and _.
    #[schemars(with = "String")]
    pub(super) name: RunName,
    /// What a reader sees above it.
    #[serde(default)]
    pub(super) caption: String,
    /// The program `src/bin/NAME.rs`, in place of `src/main.rs`.
    pub(super) bin: Option<String>,
    /// The program `examples/NAME.rs`, in place of `src/main.rs`.
    pub(super) example: Option<String>,
    /// The arguments at the size of the record.
    #[serde(default)]
    pub(super) args: Vec<String>,
    /// After this time the run is ended, which is a failure.
    #[serde(default = "default_timeout")]
    #[schemars(with = "String")]
    pub(super) timeout: Timeout,
    /// The size that takes seconds, where it is not that of the record.
    pub(super) quick: Option<Quick>,
    /// The figure by which the median of several recordings is chosen.
    #[serde(default = "default_rank")]
    pub(super) rank_by: String,
    /// Whether the memory of its processes is sampled when it is recorded.
    #[serde(default = "yes")]
    pub(super) memory: bool,
    /// The exit status that is right.
    #[serde(default)]
    #[schemars(with = "u8")]
    pub(super) status: Status,
    /// What the book claims of it.
    #[serde(default)]
    #[schemars(with = "Vec<RawClaim>")]
    pub(super) claim: Vec<Spanned<Claim>>,
}

/// A size that takes seconds.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Quick {
    /// The arguments; those of the record where there are none.
    pub(super) args: Option<Vec<String>>,
    /// The time limit; that of the record where there is none.
    #[schemars(with = "Option<String>")]
    pub(super) timeout: Option<Timeout>,
}

fn yes() -> bool {
    true
}

fn default_timeout() -> Timeout {
    Timeout(Duration::from_secs(60))
}

fn default_rank() -> String {
    BUILT_IN[0].to_owned()
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

/// A time above zero: `20s`, `500ms`, `2min`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Timeout(pub(super) Duration);

impl TryFrom<String> for Timeout {
    type Error = String;

    fn try_from(text: String) -> Result<Timeout, String> {
        match humantime::parse_duration(&text) {
            Ok(time) if !time.is_zero() => Ok(Timeout(time)),
            _ => Err(format!("expected a time such as \"20s\", found `{text}`")),
        }
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
                "expected 0 to 255 but not {SKIPPED}, which means skipped, found {status}"
            )),
        }
    }
}

/// A sentence of the book with the one check that decides it.
#[derive(Debug, Deserialize)]
#[serde(try_from = "RawClaim")]
pub(super) struct Claim {
    pub(super) says: String,
    pub(super) note: Option<String>,
    pub(super) on: On,
    pub(super) reference: Option<AboutReference>,
    pub(super) check: CheckSpec,
}

/// The one check of a claim.
#[derive(Debug)]
pub(super) enum CheckSpec {
    Count(Count),
    Same(Capture),
    Distinct(Capture),
    Every(Every),
    Never(Never),
    Ratio(Ratio),
}

/// A sentence of the book, and exactly one of the checks `count`, `same`, `distinct`, `every`,
/// `never` and `ratio`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawClaim {
    /// The sentence, as the book says it. Backticks mark code.
    says: String,
    /// What qualifies the outcome, shown after it.
    note: Option<String>,
    /// What it is checked on.
    #[serde(default)]
    on: RawOn,
    /// What it decides of the reference.
    reference: Option<RawReference>,
    /// So many lines match.
    count: Option<Count>,
    /// Several processes print the capture, and all print one value.
    same: Option<Capture>,
    /// Several processes print the capture, and each has a value of its own.
    distinct: Option<Capture>,
    /// Every line of these contains that.
    every: Option<Every>,
    /// No line of these contains that.
    never: Option<Never>,
    /// A figure divided by another is within bounds.
    ratio: Option<Ratio>,
}

/// What a claim is checked on.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum RawOn {
    /// Live runs, and the record.
    #[default]
    Any,
    /// The record alone: its figures need the real size.
    Record,
    /// The reference's text.
    Reference,
}

/// What a claim decides of the reference.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawReference {
    /// What the reference says, or leaves out; without it, the claim's own sentence is the
    /// reference's.
    says: Option<String>,
    /// What becomes of that where the claim comes out as the book says.
    becomes: RawBecomes,
    /// The condition, which the reference does not name, under which it holds.
    when: Option<String>,
}

/// What becomes of a statement of the reference.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
enum RawBecomes {
    /// As it says.
    #[serde(rename = "holds")]
    Holds,
    /// Not as it says: without `says`, the check has to fail.
    #[serde(rename = "does not hold")]
    DoesNotHold,
    /// It says nothing of this, and should.
    #[serde(rename = "left out")]
    LeftOut,
}

/// So many lines match.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Count {
    /// Which lines are counted.
    pub(super) lines: Pattern,
    /// How many there must be, at least one (for none: `never`).
    #[schemars(with = "u32")]
    pub(super) is: Positive,
}

/// A whole number of 1 or more.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "i64")]
pub(super) struct Positive(pub(super) usize);

impl TryFrom<i64> for Positive {
    type Error = String;

    fn try_from(number: i64) -> Result<Positive, String> {
        match usize::try_from(number) {
            Ok(number) if number > 0 => Ok(Positive(number)),
            _ => Err(format!(
                "expected a whole number of 1 or more (for none: never), found {number}"
            )),
        }
    }
}

/// Every line of these contains that; there is at least one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Every {
    /// Which lines are looked at.
    pub(super) lines: Pattern,
    /// What each of them contains.
    pub(super) contains: Pattern,
}

/// No line of these contains that; there is at least one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Never {
    /// Which lines are looked at.
    pub(super) lines: Pattern,
    /// What none of them may contain.
    pub(super) contain: Pattern,
}

/// A figure divided by another is within bounds.
#[derive(Debug, Deserialize)]
#[serde(try_from = "RawRatio")]
pub(super) struct Ratio {
    pub(super) figure: FigureName,
    pub(super) to: FigureName,
    pub(super) bound: Bound,
}

impl JsonSchema for Ratio {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        RawRatio::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        RawRatio::json_schema(generator)
    }
}

/// A figure of this run divided by one of this or another run: `is`, or `at_least`, `at_most`
/// or both.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Ratio")]
struct RawRatio {
    /// The dividend, a figure of this run, by its name alone.
    #[schemars(with = "String")]
    figure: FigureName,
    /// The divisor: `FIGURE`, or `LISTING/RUN FIGURE`.
    #[schemars(with = "String")]
    to: FigureName,
    /// Exactly this.
    is: Option<f64>,
    /// Not less than this.
    at_least: Option<f64>,
    /// Not more than this.
    at_most: Option<f64>,
}

impl TryFrom<RawRatio> for Ratio {
    type Error = String;

    fn try_from(raw: RawRatio) -> Result<Ratio, String> {
        let bound = match (raw.is, raw.at_least, raw.at_most) {
            (Some(is), None, None) => Bound::Is(is),
            (None, Some(low), Some(high)) if low > high => {
                return Err(format!(
                    "expected at_least below at_most, found {low} and {high}"
                ));
            }
            (None, at_least, at_most) if at_least.or(at_most).is_some() => {
                Bound::Between { at_least, at_most }
            }
            _ => return Err("expected `is`, or `at_least`, `at_most` or both".to_owned()),
        };
        if raw.figure.run.is_some() {
            return Err("figure: expected a figure of this run, by its name alone".to_owned());
        }
        Ok(Ratio {
            figure: raw.figure,
            to: raw.to,
            bound,
        })
    }
}

impl TryFrom<RawClaim> for Claim {
    type Error = String;

    fn try_from(raw: RawClaim) -> Result<Claim, String> {
        let at = |problem: String| format!("claim \"{}\": {problem}", raw.says);
        if raw.says.trim().is_empty() {
            return Err("says: expected a sentence".to_owned());
        }
        let checks = [
            ("count", raw.count.map(CheckSpec::Count)),
            ("same", raw.same.map(CheckSpec::Same)),
            ("distinct", raw.distinct.map(CheckSpec::Distinct)),
            ("every", raw.every.map(CheckSpec::Every)),
            ("never", raw.never.map(CheckSpec::Never)),
            ("ratio", raw.ratio.map(CheckSpec::Ratio)),
        ];
        let names = checks.each_ref().map(|(name, _)| *name).join(", ");
        let mut given = checks
            .into_iter()
            .filter_map(|(name, check)| Some((name, check?)));
        let check = match (given.next(), given.next()) {
            (Some((_, check)), None) => check,
            (None, _) => return Err(at(format!("expected one of {names}, found none"))),
            (Some((one, _)), Some((other, _))) => {
                return Err(at(format!(
                    "expected one of {names}, found {one} and {other}"
                )));
            }
        };
        let reference = match raw.reference {
            Some(reference) => Some(reference.try_into().map_err(at)?),
            None => None,
        };
        Ok(Claim {
            says: raw.says,
            note: raw.note,
            on: match raw.on {
                RawOn::Any => On::Any,
                RawOn::Record => On::Record,
                RawOn::Reference => On::Reference,
            },
            reference,
            check,
        })
    }
}

impl TryFrom<RawReference> for AboutReference {
    type Error = String;

    fn try_from(raw: RawReference) -> Result<AboutReference, String> {
        let becomes = match (raw.becomes, raw.when) {
            (RawBecomes::Holds, when) => Becomes::Holds { when },
            (_, Some(_)) => {
                return Err("reference: expected `when` only where it becomes \"holds\"".to_owned());
            }
            (RawBecomes::DoesNotHold, None) => Becomes::DoesNotHold,
            (RawBecomes::LeftOut, None) if raw.says.is_none() => {
                return Err("reference: expected `says` with what is left out".to_owned());
            }
            (RawBecomes::LeftOut, None) => Becomes::LeftOut,
        };
        Ok(AboutReference {
            says: raw.says,
            becomes,
        })
    }
}

/// A picture: figures of several runs, or series of one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Chart {
    /// Unique in the listing.
    pub(super) name: String,
    /// What a reader sees above it.
    pub(super) caption: String,
    /// The runs whose figures it shows.
    #[serde(default)]
    pub(super) runs: Vec<String>,
    /// The figures that it shows of each.
    #[serde(default)]
    pub(super) figure: Vec<Charted>,
    /// The run whose series it shows.
    pub(super) run: Option<String>,
    /// The unit of the horizontal axis.
    pub(super) x_unit: Option<String>,
    /// The unit of the vertical axis.
    pub(super) y_unit: Option<String>,
    /// What the bars around a point show: "eight in ten tries".
    pub(super) spread: Option<String>,
    /// The series.
    #[serde(default)]
    pub(super) series: Vec<Series>,
}

/// A figure that a chart shows of each of its runs.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Charted {
    /// Its name.
    pub(super) figure: String,
    /// What a reader sees above it.
    pub(super) heading: String,
    /// The reference's figure next to it.
    pub(super) reference: Option<String>,
    /// What that is, where it is another.
    pub(super) reference_heading: Option<String>,
}

/// A series of a plot.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Series {
    /// What it is.
    pub(super) name: String,
    /// Has four captures: where, the median, the least and the most.
    pub(super) pattern: FourCaptures,
}
