//! What a claim of a `runs.toml` may say.

use regex::Regex;
#[cfg(test)]
use schemars::JsonSchema;
use serde::Deserialize;

use crate::book::claim::{AboutReference, Becomes, Bound, ByProcess, Check, Counted, On};
use crate::book::figure::FigureName;
use crate::book::pattern::{Capture, Pattern};

/// A sentence of the book with the one check that decides it.
#[derive(Debug, Deserialize)]
#[serde(try_from = "RawClaim")]
pub(super) struct Claim {
    pub(super) says: String,
    pub(super) note: Option<String>,
    pub(super) hint: Option<String>,
    pub(super) on: On,
    pub(super) reference: Option<AboutReference>,
    pub(super) broken_by: Vec<String>,
    pub(super) check: CheckSpec,
}

/// The one check of a claim.
#[derive(Debug)]
pub(super) enum CheckSpec {
    Count(Count),
    Value(Value),
    Same(Capture),
    Distinct(Capture),
    Every(Every),
    Never(Never),
    Ratio(Ratio),
}

/// A sentence of the book, and exactly one of the checks `count`, `value`, `ratio`, `same`,
/// `distinct`, `every` and `never`.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct RawClaim {
    /// The sentence, as the book says it. Backticks mark code.
    says: String,
    /// What qualifies the outcome, shown after it.
    note: Option<String>,
    /// What helps a reader on whose version of the program, in an exercise, it breaks.
    hint: Option<String>,
    /// What it is checked on.
    #[serde(default)]
    on: RawOn,
    /// What it decides of the reference, the book's second source.
    reference: Option<RawReference>,
    /// The counter-runs on which it has to break: `"NAME"` of `broken/NAME.patch`, or another
    /// run, `"LISTING/RUN"`.
    #[serde(default)]
    broken_by: Vec<String>,
    /// So many lines match, or so many different values are captured:
    /// `{ lines = 'worker \d starts', is = 2 }`.
    count: Option<Count>,
    /// A figure of this run has this value, or is within bounds:
    /// `{ figure = "sum", is = 500 }`.
    value: Option<Value>,
    /// At least two processes print the capture, and all print one value: `'id: (\w+)'`.
    same: Option<Capture>,
    /// At least two processes print the capture, and each has a value of its own:
    /// `'id: (\w+)'`.
    distinct: Option<Capture>,
    /// Every line that matches one pattern matches another, and there is at least one:
    /// `{ lines = 'worker', contains = 'starts' }`.
    every: Option<Every>,
    /// No line that matches one pattern matches another, and there is at least one of the
    /// first: `{ lines = 'worker', contain = 'lost' }`.
    never: Option<Never>,
    /// A figure of this run, divided by one of this or another, has this value, or is within
    /// bounds. Integers are compared as integers:
    /// `{ figure = "sum", to = "demo/alone sum", is = 1 }`.
    ratio: Option<Ratio>,
}

/// The checks that an author may write, of which exactly one is to be there.
pub(super) struct Checks {
    pub(super) count: Option<Count>,
    pub(super) value: Option<Value>,
    pub(super) same: Option<Capture>,
    pub(super) distinct: Option<Capture>,
    pub(super) every: Option<Every>,
    pub(super) never: Option<Never>,
    pub(super) ratio: Option<Ratio>,
}

impl Checks {
    /// The one that is there.
    pub(super) fn the_one(self) -> Result<CheckSpec, String> {
        let checks = [
            ("count", self.count.map(CheckSpec::Count)),
            ("value", self.value.map(CheckSpec::Value)),
            ("same", self.same.map(CheckSpec::Same)),
            ("distinct", self.distinct.map(CheckSpec::Distinct)),
            ("every", self.every.map(CheckSpec::Every)),
            ("never", self.never.map(CheckSpec::Never)),
            ("ratio", self.ratio.map(CheckSpec::Ratio)),
        ];
        let names = checks.each_ref().map(|(name, _)| *name).join(", ");
        let mut given = checks
            .into_iter()
            .filter_map(|(name, check)| Some((name, check?)));
        match (given.next(), given.next()) {
            (Some((_, check)), None) => Ok(check),
            (None, _) => Err(format!("expected one of {names}, found none")),
            (Some((one, _)), Some((other, _))) => {
                Err(format!("expected one of {names}, found {one} and {other}"))
            }
        }
    }
}

impl CheckSpec {
    /// As it is judged; `process` finds the process of a line.
    pub(super) fn check(self, process: &Regex) -> Check {
        let by_process = |value: Capture| ByProcess {
            value: value.0,
            process: process.clone(),
        };
        match self {
            CheckSpec::Count(count) => Check::Count {
                of: count.of,
                bound: count.bound,
            },
            CheckSpec::Value(value) => Check::Value {
                figure: value.figure,
                bound: value.bound,
                quick: value.quick,
            },
            CheckSpec::Same(value) => Check::Same(by_process(value)),
            CheckSpec::Distinct(value) => Check::Distinct(by_process(value)),
            CheckSpec::Every(every) => Check::Every {
                lines: every.lines.0,
                contains: every.contains.0,
            },
            CheckSpec::Never(never) => Check::Never {
                lines: never.lines.0,
                contain: never.contain.0,
            },
            CheckSpec::Ratio(ratio) => Check::Ratio {
                figure: ratio.figure,
                to: ratio.to,
                bound: ratio.bound,
            },
        }
    }
}

/// What a claim is checked on.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[cfg_attr(test, derive(JsonSchema, serde::Serialize))]
#[serde(rename_all = "lowercase")]
enum RawOn {
    /// Live runs, and the record.
    #[default]
    Any,
    /// The record, and live runs of its size, since its figures need that.
    Record,
    /// The reference's text.
    Reference,
}

/// What a claim decides of the reference.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
struct RawReference {
    /// What the reference says, or leaves out. Without it and `shows`, the claim's own sentence
    /// is the reference's.
    says: Option<String>,
    /// What the reference's output shows, though it does not say so.
    shows: Option<String>,
    /// What becomes of the reference's statement where the claim comes out as the book says.
    becomes: RawBecomes,
    /// The condition, which the reference does not name, under which it holds.
    when: Option<String>,
}

/// What becomes of a statement of the reference.
#[derive(Debug, Clone, Copy, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
enum RawBecomes {
    /// As it says.
    #[serde(rename = "holds")]
    Holds,
    /// Not as it says (without `says` or `shows`, the check has to fail).
    #[serde(rename = "does not hold")]
    DoesNotHold,
    /// It says nothing of this, and should.
    #[serde(rename = "left out")]
    LeftOut,
}

/// How many lines match, or how many different values are captured.
#[derive(Debug, Deserialize)]
#[serde(try_from = "RawCount")]
pub(super) struct Count {
    pub(super) of: Counted,
    pub(super) bound: Bound,
}

#[cfg(test)]
impl JsonSchema for Count {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        RawCount::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        RawCount::json_schema(generator)
    }
}

/// `lines` or `values`, and `is`, or `at_least`, `at_most` or both.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, schemars(rename = "Count"))]
struct RawCount {
    /// The lines that are counted.
    lines: Option<Pattern>,
    /// In place of `lines`: its capture's different values are counted.
    values: Option<Capture>,
    /// How many there have to be, at least one; for none there is `never`.
    #[cfg_attr(test, schemars(with = "Option<u32>"))]
    is: Option<Positive>,
    /// In place of `is`, alone or with `at_most`: not fewer than this.
    #[cfg_attr(test, schemars(with = "Option<u32>"))]
    at_least: Option<Positive>,
    /// In place of `is`, alone or with `at_least`: not more than this.
    #[cfg_attr(test, schemars(with = "Option<u32>"))]
    at_most: Option<Positive>,
}

impl TryFrom<RawCount> for Count {
    type Error = String;

    fn try_from(raw: RawCount) -> Result<Count, String> {
        // A count of lines is far below 2⁵³.
        let number = |number: Option<Positive>| number.map(|number| number.0 as f64);
        let of = match (raw.lines, raw.values) {
            (Some(lines), None) => Counted::Lines(lines.0),
            (None, Some(values)) => Counted::Values(values.0),
            _ => return Err("count: expected one of lines and values".to_owned()),
        };
        let bound = bound(number(raw.is), number(raw.at_least), number(raw.at_most))?;
        Ok(Count { of, bound })
    }
}

/// A figure is within bounds.
#[derive(Debug, Deserialize)]
#[serde(try_from = "RawValue")]
pub(super) struct Value {
    pub(super) figure: FigureName,
    pub(super) bound: Bound,
    pub(super) quick: Option<Bound>,
}

#[cfg(test)]
impl JsonSchema for Value {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        RawValue::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        RawValue::json_schema(generator)
    }
}

/// A figure of this run: `is`, or `at_least`, `at_most` or both.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, schemars(rename = "Value"))]
struct RawValue {
    /// The figure, by its name alone.
    #[cfg_attr(test, schemars(with = "String"))]
    figure: FigureName,
    /// Exactly this.
    is: Option<f64>,
    /// Exactly this at the quick size, where that has a value of its own.
    quick_is: Option<f64>,
    /// In place of `is`, alone or with `at_most`: not less than this.
    at_least: Option<f64>,
    /// In place of `is`, alone or with `at_least`: not more than this.
    at_most: Option<f64>,
}

impl TryFrom<RawValue> for Value {
    type Error = String;

    fn try_from(raw: RawValue) -> Result<Value, String> {
        Ok(Value {
            figure: of_this_run(raw.figure)?,
            bound: bound(raw.is, raw.at_least, raw.at_most)?,
            quick: raw.quick_is.map(Bound::Is),
        })
    }
}

/// `is`, or `at_least`, `at_most` or both.
fn bound(is: Option<f64>, at_least: Option<f64>, at_most: Option<f64>) -> Result<Bound, String> {
    match (is, at_least, at_most) {
        (Some(is), None, None) => Ok(Bound::Is(is)),
        (None, Some(low), Some(high)) if low > high => Err(format!(
            "expected at_least below at_most, found {low} and {high}"
        )),
        (None, at_least, at_most) if at_least.or(at_most).is_some() => {
            Ok(Bound::Between { at_least, at_most })
        }
        _ => Err("expected `is`, or `at_least`, `at_most` or both".to_owned()),
    }
}

fn of_this_run(figure: FigureName) -> Result<FigureName, String> {
    if figure.run.is_some() {
        return Err("figure: expected a figure of this run, by its name alone".to_owned());
    }
    Ok(figure)
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
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Every {
    /// The lines that are looked at.
    pub(super) lines: Pattern,
    /// What each of these lines has to contain.
    pub(super) contains: Pattern,
}

/// No line of these contains that; there is at least one.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Never {
    /// The lines that are looked at.
    pub(super) lines: Pattern,
    /// What none of these lines may contain.
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

#[cfg(test)]
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
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, schemars(rename = "Ratio"))]
struct RawRatio {
    /// The dividend, a figure of this run, by its name alone.
    #[cfg_attr(test, schemars(with = "String"))]
    figure: FigureName,
    /// The divisor: `FIGURE`, or `LISTING/RUN FIGURE`.
    #[cfg_attr(test, schemars(with = "String"))]
    to: FigureName,
    /// Exactly this.
    is: Option<f64>,
    /// In place of `is`, alone or with `at_most`: not less than this.
    at_least: Option<f64>,
    /// In place of `is`, alone or with `at_least`: not more than this.
    at_most: Option<f64>,
}

impl TryFrom<RawRatio> for Ratio {
    type Error = String;

    fn try_from(raw: RawRatio) -> Result<Ratio, String> {
        Ok(Ratio {
            bound: bound(raw.is, raw.at_least, raw.at_most)?,
            figure: of_this_run(raw.figure)?,
            to: raw.to,
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
        let checks = Checks {
            count: raw.count,
            value: raw.value,
            same: raw.same,
            distinct: raw.distinct,
            every: raw.every,
            never: raw.never,
            ratio: raw.ratio,
        };
        let check = checks.the_one().map_err(at)?;
        let reference = match raw.reference {
            Some(reference) => Some(reference.try_into().map_err(at)?),
            None => None,
        };
        Ok(Claim {
            says: raw.says,
            note: raw.note,
            hint: raw.hint,
            on: match raw.on {
                RawOn::Any => On::Any,
                RawOn::Record => On::Record,
                RawOn::Reference => On::Reference,
            },
            reference,
            broken_by: raw.broken_by,
            check,
        })
    }
}

impl TryFrom<RawReference> for AboutReference {
    type Error = String;

    fn try_from(raw: RawReference) -> Result<AboutReference, String> {
        if raw.says.is_some() && raw.shows.is_some() {
            return Err("reference: expected `says` or `shows`, found both".to_owned());
        }
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
            in_words: raw.shows.is_none(),
            says: raw.says.or(raw.shows),
            becomes,
        })
    }
}
