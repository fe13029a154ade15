//! What the book claims of a run, and whether the run bears it out.

use regex::Regex;

use crate::book::claim::{Bound, ByProcess, Check, Counted};
use crate::book::listing::Size;
use crate::judge::figures::{Figure, FigureSource};
use crate::record::line::Line;
use crate::text::words::{counted, two_digits};

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckResult {
    /// Whether the claim holds.
    pub holds: bool,
    /// What was seen, in words: "4 of 4 lines", "1.90 s is 3.9 times 0.49 s".
    pub seen: String,
    /// Whether there was nothing to see: no line, or no such figure. It does not hold then, and
    /// says nothing of what it is about.
    pub nothing: bool,
}

/// The verdict on a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// The check was made.
    Decided(CheckResult),
    /// It cannot be made though nothing is wrong: why.
    Undecided(String),
    /// It is made at the size of the record alone, and this was another.
    NeedsRecordedSize,
}

impl Judgement {
    /// Why the check was not made, where it was not.
    pub fn why_not(&self) -> Option<&str> {
        match self {
            Judgement::Decided(_) => None,
            Judgement::Undecided(why) => Some(why),
            Judgement::NeedsRecordedSize => Some("this claim needs the recorded size"),
        }
    }
}

fn matching<'a>(lines: &'a [Line], pattern: &'a Regex) -> impl Iterator<Item = &'a str> {
    let texts = lines.iter().map(Line::text);
    texts.filter(|line| pattern.is_match(line))
}

/// The values that each process printed, in order of appearance.
fn values_by_process<'a>(lines: &'a [Line], pattern: &ByProcess) -> Vec<(&'a str, Vec<&'a str>)> {
    let mut by_process: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in lines.iter().map(Line::text) {
        let captured = |pattern: &Regex| Some(pattern.captures(line)?.get(1)?.range());
        let (Some(value), Some(process)) = (captured(&pattern.value), captured(&pattern.process))
        else {
            continue;
        };
        let (value, process) = (&line[value], &line[process]);
        let at = by_process.iter().position(|(name, _)| *name == process);
        let at = at.unwrap_or_else(|| {
            by_process.push((process, Vec::new()));
            by_process.len() - 1
        });
        let values = &mut by_process[at].1;
        if !values.contains(&value) {
            values.push(value);
        }
    }
    by_process
}

impl CheckResult {
    fn new(holds: bool, seen: impl Into<String>) -> CheckResult {
        CheckResult {
            holds,
            seen: seen.into(),
            nothing: false,
        }
    }

    /// There is nothing to look at.
    pub(super) fn nothing(why: impl Into<String>) -> CheckResult {
        CheckResult {
            nothing: true,
            ..CheckResult::new(false, why)
        }
    }

    fn matches_no_line(pattern: &Regex) -> CheckResult {
        CheckResult::nothing(format!("`{}` matches no line", pattern.as_str()))
    }
}

impl Check {
    /// Decides the check on a run's lines and figures.
    pub fn judge(&self, lines: &[Line], figures: &dyn FigureSource) -> CheckResult {
        match self {
            Check::Count {
                of: Counted::Lines(pattern),
                bound,
            } => {
                let matching: Vec<&str> = matching(lines, pattern).collect();
                match &matching[..] {
                    [] => CheckResult::matches_no_line(pattern),
                    [one] => bound.judge_count(1, format!("1 line ({})", beginning(one))),
                    several => bound.judge_count(several.len(), counted(several.len(), "line")),
                }
            }
            Check::Count {
                of: Counted::Values(pattern),
                bound,
            } => {
                let captured = lines.iter().filter_map(|line| {
                    let captures = pattern.captures(line.text())?;
                    Some(captures.get(1)?.as_str().to_owned())
                });
                let mut values: Vec<String> = Vec::new();
                for value in captured {
                    if !values.contains(&value) {
                        values.push(value);
                    }
                }
                match values.len() {
                    0 => CheckResult::matches_no_line(pattern),
                    seen => {
                        let words = match &values[..] {
                            [one] => format!("1 value ({one})"),
                            few if few.len() <= 8 => {
                                format!("{seen} different values ({})", few.join(", "))
                            }
                            _ => format!("{seen} different values"),
                        };
                        bound.judge_count(seen, words)
                    }
                }
            }
            Check::Value {
                figure,
                bound,
                quick,
            } => match figures.figure(figure) {
                Ok(of) => {
                    let at_this_size = match figures.size() {
                        Size::Quick => quick.as_ref().unwrap_or(bound),
                        Size::Recorded => bound,
                    };
                    at_this_size.judge_value(&of)
                }
                Err(error) => CheckResult::nothing(format!("{error:#}")),
            },
            Check::Same(pattern) => judge_values(lines, pattern, same_everywhere),
            Check::Distinct(pattern) => judge_values(lines, pattern, distinct_everywhere),
            Check::Every {
                lines: pattern,
                contains,
            } => {
                let (with, without): (Vec<&str>, Vec<&str>) =
                    matching(lines, pattern).partition(|line| contains.is_match(line));
                let all = with.len() + without.len();
                match without.first() {
                    None if all == 0 => CheckResult::matches_no_line(pattern),
                    None => CheckResult::new(true, format!("{all} of {}", counted(all, "line"))),
                    Some(line) => CheckResult::new(
                        false,
                        format!(
                            "{} of {}; not in: {}",
                            with.len(),
                            counted(all, "line"),
                            line.trim()
                        ),
                    ),
                }
            }
            Check::Never {
                lines: pattern,
                contain,
            } => {
                let all = matching(lines, pattern).count();
                let mut hits = matching(lines, pattern).filter(|line| contain.is_match(line));
                match hits.next() {
                    None if all == 0 => CheckResult::matches_no_line(pattern),
                    None => CheckResult::new(true, format!("0 of {}", counted(all, "line"))),
                    Some(line) => CheckResult::new(
                        false,
                        format!(
                            "{} of {}: {}",
                            1 + hits.count(),
                            counted(all, "line"),
                            line.trim()
                        ),
                    ),
                }
            }
            Check::Ratio { figure, to, bound } => {
                match (figures.figure(figure), figures.figure(to)) {
                    (Ok(of), Ok(to)) => bound.judge(&of, &to),
                    (Err(error), _) | (_, Err(error)) => CheckResult::nothing(format!("{error:#}")),
                }
            }
        }
    }

    /// The verdict, or why there is none.
    pub fn judgement(&self, lines: &[Line], figures: &dyn FigureSource) -> Judgement {
        match self.open_question(figures) {
            Some(why) => Judgement::Undecided(why),
            None => Judgement::Decided(self.judge(lines, figures)),
        }
    }

    /// Why the check cannot be decided though nothing is wrong: the other run that it needs has
    /// no record, or was skipped; or what its figure is of was not observed. `None`: it can be
    /// decided.
    pub fn open_question(&self, figures: &dyn FigureSource) -> Option<String> {
        match self {
            Check::Ratio { figure, to, .. } => {
                let absent = to.run.as_deref().and_then(|run| figures.absent(run));
                let unobserved = || {
                    [figure, to]
                        .into_iter()
                        .find_map(|of| figures.unobserved(of))
                };
                absent.or_else(unobserved)
            }
            Check::Value { figure, .. } => figures.unobserved(figure),
            _ => None,
        }
    }
}

type Judge = fn(&[(&str, Vec<&str>)]) -> CheckResult;

fn judge_values(lines: &[Line], pattern: &ByProcess, judge: Judge) -> CheckResult {
    let by_process = values_by_process(lines, pattern);
    match &by_process[..] {
        [] => CheckResult::matches_no_line(&pattern.value),
        [(process, _)] => CheckResult::new(
            false,
            format!("only {process} prints it; at least two processes must"),
        ),
        all => judge(all),
    }
}

fn same_everywhere(by_process: &[(&str, Vec<&str>)]) -> CheckResult {
    let first = by_process[0].1[0];
    let other = by_process.iter().find_map(|(process, values)| {
        let other = values.iter().find(|value| **value != first)?;
        Some((process, other))
    });
    match other {
        None => CheckResult::new(
            true,
            format!("{first} in {}", counted(by_process.len(), "process")),
        ),
        Some((process, other)) => CheckResult::new(
            false,
            format!("{first} in {}, {other} in {process}", by_process[0].0),
        ),
    }
}

fn distinct_everywhere(by_process: &[(&str, Vec<&str>)]) -> CheckResult {
    if let Some((process, values)) = by_process.iter().find(|(_, values)| values.len() > 1) {
        return CheckResult::new(
            false,
            format!(
                "{process} has {} values: {}",
                values.len(),
                values.join(", ")
            ),
        );
    }
    for (at, (process, values)) in by_process.iter().enumerate() {
        if let Some((earlier, _)) = by_process[..at].iter().find(|(_, known)| known == values) {
            return CheckResult::new(
                false,
                format!("{} in {earlier} and in {process}", values[0]),
            );
        }
    }
    let processes = counted(by_process.len(), "process");
    CheckResult::new(true, format!("{} values in {processes}", by_process.len()))
}

impl Bound {
    fn allows(self, value: f64) -> bool {
        match self {
            Bound::Is(is) => value == is,
            Bound::Between { at_least, at_most } => {
                at_least.is_none_or(|bound| value >= bound)
                    && at_most.is_none_or(|bound| value <= bound)
            }
        }
    }

    /// What it asks for, of which `value` is out: "not at least 3".
    fn missed_by(self, value: f64) -> String {
        match self {
            Bound::Is(is) => format!("not {is}"),
            Bound::Between {
                at_least: Some(low),
                ..
            } if value < low => format!("not at least {low}"),
            Bound::Between { at_most, .. } => {
                // What is not below the one bound is above the other.
                format!("not at most {}", at_most.unwrap_or(f64::INFINITY))
            }
        }
    }

    fn judge_count(self, count: usize, seen: String) -> CheckResult {
        // A count of lines is far below 2⁵³.
        let value = count as f64;
        if self.allows(value) {
            CheckResult::new(true, seen)
        } else {
            CheckResult::new(false, format!("{seen}, {}", self.missed_by(value)))
        }
    }

    fn judge_value(self, of: &Figure) -> CheckResult {
        let exact = match (self, of.integer()) {
            (Bound::Is(is), Some(of)) => whole(is).map(|is| is == of),
            _ => None,
        };
        if exact.unwrap_or_else(|| self.allows(of.value)) {
            CheckResult::new(true, of.to_string())
        } else {
            CheckResult::new(false, format!("{of}, {}", self.missed_by(of.value)))
        }
    }

    fn judge(self, of: &Figure, to: &Figure) -> CheckResult {
        if to.value == 0.0 {
            return CheckResult::new(false, format!("{of} beside {to}: no quotient"));
        }
        let quotient = of.value / to.value;
        let exact = match (self, of.integer(), to.integer()) {
            // Integers are compared as integers: a sum may lie beyond what f64 tells apart.
            (Bound::Is(is), Some(of), Some(to)) => {
                whole(is).map(|is| to.checked_mul(is) == Some(of))
            }
            _ => None,
        };
        let holds = exact.unwrap_or_else(|| self.allows(quotient));
        let seen = match self {
            Bound::Is(1.0) if holds => format!("{of} both times"),
            Bound::Is(1.0) => format!("{of}, not {to}"),
            _ => format!("{of} is {} {to}", times(quotient)),
        };
        let wanted = match self {
            _ if holds => String::new(),
            Bound::Is(1.0) => String::new(),
            Bound::Is(is) => format!(", not exactly {is} times"),
            Bound::Between {
                at_least: Some(low),
                ..
            } if quotient < low => format!(", not at least {}", bound_in_words(low)),
            Bound::Between { at_most, .. } => {
                format!(
                    ", not at most {}",
                    bound_in_words(at_most.unwrap_or(f64::INFINITY))
                )
            }
        };
        CheckResult::new(holds, format!("{seen}{wanted}"))
    }
}

/// As much of a line as a sentence has room for.
fn beginning(line: &str) -> String {
    const MOST: usize = 90;
    let line = line.trim();
    match line.char_indices().nth(MOST) {
        None => line.to_owned(),
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
    }
}

/// A quotient before what it is of: "3.9 times", "a third of", "1/330 of".
fn times(quotient: f64) -> String {
    // Below one half, its inverse is the plainer number.
    if quotient > 0.0 && quotient < 0.45 {
        format!("1/{} of", two_digits(1.0 / quotient))
    } else {
        let digits = two_digits(quotient);
        // Little more than one is not one.
        let near = digits == "1.0" && (quotient - 1.0).abs() >= 0.0005;
        if near {
            return format!("{quotient:.3} times");
        }
        format!("{digits} times")
    }
}

/// A bound of a quotient as its author wrote it, or as the part that it is: "2 times", "1/4 of".
fn bound_in_words(bound: f64) -> String {
    let inverse = 1.0 / bound;
    if bound < 0.45 && (inverse - inverse.round()).abs() < 1e-9 {
        format!("1/{} of", inverse.round())
    } else {
        format!("{bound} times")
    }
}

/// A whole number of any size that f64 holds exactly.
fn whole(number: f64) -> Option<i128> {
    // 2⁵³: below it, every whole f64 is exactly that integer.
    (number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0).then_some(number as i128)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::figure::FigureName;
    use crate::record::line::lines_of;

    fn pattern(pattern: &str) -> Regex {
        Regex::new(pattern).expect("a pattern")
    }

    /// The process of a line is its first word.
    fn by_process(value: &str) -> ByProcess {
        ByProcess {
            value: pattern(value),
            process: pattern(r"^\s*(\S+)"),
        }
    }

    struct NoFigures;

    impl FigureSource for NoFigures {
        fn figure(&self, name: &FigureName) -> anyhow::Result<Figure> {
            anyhow::bail!("{} has no record", name.figure)
        }

        fn absent(&self, run: &str) -> Option<String> {
            Some(format!("{run} was skipped"))
        }
    }

    #[track_caller]
    fn holds(check: Check, text: &str, seen: &str) {
        let verdict = check.judge(&lines_of(text), &NoFigures);
        assert_eq!((verdict.holds, verdict.seen.as_str()), (true, seen));
    }

    #[track_caller]
    fn breaks(check: Check, text: &str, seen: &str) {
        let verdict = check.judge(&lines_of(text), &NoFigures);
        assert_eq!((verdict.holds, verdict.seen.as_str()), (false, seen));
    }

    #[test]
    fn count_is_exact() {
        let check = || Check::Count {
            of: Counted::Lines(pattern("^Main.* loaded")),
            bound: Bound::Is(2.0),
        };
        holds(
            check(),
            "Main loaded\nFork loaded\n\x1b[1mMain\x1b[0m loaded\n",
            "2 lines",
        );
        breaks(check(), "Main loaded\n", "1 line (Main loaded), not 2");
        breaks(
            check(),
            "Main loaded\nMain loaded\nMain loaded",
            "3 lines, not 2",
        );
        breaks(check(), "Fork loaded\n", "`^Main.* loaded` matches no line");
    }

    #[test]
    fn same_is_one_value_in_at_least_two_processes() {
        let check = || Check::Same(by_process("id: (0x[0-9a-f]+)"));
        holds(
            check(),
            "Main id: 0x1\n  Fork-1 id: 0x1\nFork-2 id: 0x1\n",
            "0x1 in 3 processes",
        );
        breaks(
            check(),
            "Main id: 0x1\nFork-1 id: 0x2\n",
            "0x1 in Main, 0x2 in Fork-1",
        );
        breaks(
            check(),
            "Main id: 0x1\nFork id: 0x1\nMain id: 0x3\n",
            "0x1 in Main, 0x3 in Main",
        );
        breaks(
            check(),
            "Main id: 0x1\nMain id: 0x1\n",
            "only Main prints it; at least two processes must",
        );
        breaks(check(), "Main\n", "`id: (0x[0-9a-f]+)` matches no line");
    }

    #[test]
    fn distinct_is_one_value_of_its_own_per_process() {
        let check = || Check::Distinct(by_process("id: (0x[0-9a-f]+)"));
        holds(
            check(),
            "Main id: 0x1\nFork id: 0x2\nMain id: 0x1\n",
            "2 values in 2 processes",
        );
        breaks(
            check(),
            "Main id: 0x1\nFork id: 0x1\n",
            "0x1 in Main and in Fork",
        );
        breaks(
            check(),
            "Main id: 0x1\nFork id: 0x2\nFork id: 0x3\n",
            "Fork has 2 values: 0x2, 0x3",
        );
        breaks(
            check(),
            "Main id: 0x1\n",
            "only Main prints it; at least two processes must",
        );
        breaks(check(), "", "`id: (0x[0-9a-f]+)` matches no line");
    }

    #[test]
    fn every_needs_each_line_and_at_least_one() {
        let check = || Check::Every {
            lines: pattern("^ *Fork"),
            contains: pattern(r"\[1, 2\]"),
        };
        holds(
            check(),
            "Main []\n Fork [1, 2]\nFork [1, 2]\n",
            "2 of 2 lines",
        );
        breaks(
            check(),
            "Fork [1, 2]\n  Fork []\n",
            "1 of 2 lines; not in: Fork []",
        );
        breaks(check(), "Main [1, 2]\n", "`^ *Fork` matches no line");
    }

    #[test]
    fn never_needs_a_line_among_which_to_look() {
        let check = || Check::Never {
            lines: pattern("^Spawn"),
            contain: pattern("updated"),
        };
        holds(check(), "Main updated\nSpawn plain\n", "0 of 1 line");
        breaks(
            check(),
            "Spawn plain\nSpawn updated\n",
            "1 of 2 lines: Spawn updated",
        );
        breaks(check(), "Main plain\n", "`^Spawn` matches no line");
    }

    struct TwoFigures(&'static str, &'static str);

    impl FigureSource for TwoFigures {
        fn figure(&self, name: &FigureName) -> anyhow::Result<Figure> {
            let (text, unit) = match &name.run {
                None => (self.0, "s"),
                Some(_) => (self.1, ""),
            };
            Ok(Figure {
                value: text.parse()?,
                text: text.into(),
                unit: unit.into(),
            })
        }
    }

    fn ratio(bound: Bound) -> Check {
        Check::Ratio {
            figure: "t".parse().expect("a name"),
            to: "a/b t".parse().expect("a name"),
            bound,
        }
    }

    #[track_caller]
    fn quotient(of: &'static str, to: &'static str, bound: Bound) -> (bool, String) {
        let verdict = ratio(bound).judge(&[], &TwoFigures(of, to));
        (verdict.holds, verdict.seen)
    }

    #[test]
    fn a_ratio_keeps_its_bounds() {
        let between = Bound::Between {
            at_least: Some(2.0),
            at_most: Some(4.0),
        };
        assert_eq!(
            quotient("1.90", "0.49", between),
            (true, "1.90 s is 3.9 times 0.49".into())
        );
        assert!(quotient("4", "2", between).0);
        assert!(quotient("8", "2", between).0);
        assert_eq!(
            quotient("1", "2", between),
            (false, "1 s is 0.50 times 2, not at least 2 times".into())
        );
        assert_eq!(
            quotient("25", "2", between),
            (false, "25 s is 13 times 2, not at most 4 times".into())
        );
        assert_eq!(
            quotient("25", "0", between),
            (false, "25 s beside 0: no quotient".into())
        );
    }

    #[test]
    fn an_exact_ratio_of_integers_is_not_rounded() {
        let same = Bound::Is(1.0);
        assert_eq!(
            quotient("9007199254740993", "9007199254740993", same),
            (true, "9007199254740993 s both times".into())
        );
        assert_eq!(
            quotient("9007199254740993", "9007199254740992", same),
            (false, "9007199254740993 s, not 9007199254740992".into())
        );
        assert!(quotient("1.5", "0.5", Bound::Is(3.0)).0);
    }

    #[test]
    fn different_values_are_counted_and_named() {
        let check = |bound| Check::Count {
            of: Counted::Values(pattern(r"^(\S+) works")),
            bound,
        };
        let at_least = |low| Bound::Between {
            at_least: Some(low),
            at_most: None,
        };
        let text = "A works\nB works\nA works\nC waits\n";
        holds(check(Bound::Is(2.0)), text, "2 different values (A, B)");
        holds(check(at_least(2.0)), text, "2 different values (A, B)");
        breaks(
            check(at_least(3.0)),
            text,
            "2 different values (A, B), not at least 3",
        );
        breaks(check(Bound::Is(2.0)), "A works\n", "1 value (A), not 2");
        breaks(
            check(Bound::Is(2.0)),
            "C waits\n",
            "`^(\\S+) works` matches no line",
        );
    }

    #[test]
    fn a_value_has_bounds_of_its_own_at_the_quick_size() {
        struct Sized(Size, &'static str);
        impl FigureSource for Sized {
            fn figure(&self, _: &FigureName) -> anyhow::Result<Figure> {
                Ok(Figure {
                    value: self.1.parse()?,
                    text: self.1.into(),
                    unit: "MiB".into(),
                })
            }
            fn size(&self) -> Size {
                self.0
            }
        }
        let judged = |bound, quick, size, text| {
            let check = Check::Value {
                figure: "t".parse().expect("a name"),
                bound,
                quick,
            };
            let found = check.judge(&[], &Sized(size, text));
            (found.holds, found.seen)
        };
        let quick = Some(Bound::Is(7.0));
        assert!(judged(Bound::Is(9.0), quick, Size::Quick, "7").0);
        assert!(judged(Bound::Is(9.0), quick, Size::Recorded, "9").0);
        assert!(judged(Bound::Is(9.0), None, Size::Quick, "9").0);
        assert_eq!(
            judged(Bound::Is(9.0), quick, Size::Quick, "9"),
            (false, "9 MiB, not 7".into())
        );
        let between = Bound::Between {
            at_least: Some(1.0),
            at_most: Some(2.0),
        };
        assert_eq!(
            judged(between, None, Size::Quick, "0.5"),
            (false, "0.5 MiB, not at least 1".into())
        );
    }

    #[test]
    fn a_small_quotient_is_told_as_a_part() {
        assert_eq!(times(0.0303), "1/33 of");
        assert_eq!(times(0.5), "0.50 times");
        assert_eq!(times(12.34), "12 times");
        assert_eq!(times(0.0), "0 times");
        assert_eq!(times(1.0089), "1.009 times");
        assert_eq!(times(1.0), "1.0 times");
        assert_eq!(bound_in_words(0.25), "1/4 of");
        assert_eq!(bound_in_words(0.3), "0.3 times");
        assert_eq!(bound_in_words(4.0), "4 times");
    }

    #[test]
    fn a_missing_figure_breaks_the_claim_and_an_absent_run_leaves_it_open() {
        let check = || ratio(Bound::Is(1.0));
        breaks(check(), "", "t has no record");
        assert_eq!(
            check().open_question(&NoFigures),
            Some("a/b was skipped".into())
        );
        assert_eq!(check().open_question(&TwoFigures("1", "1")), None);
    }
}
