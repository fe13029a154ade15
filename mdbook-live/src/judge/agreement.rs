//! Whether a live run agrees with its record.
//!
//! The lines of one process are compared in their order, standard output and standard error
//! apart. How the lines of several processes come between each other is theirs to choose.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::book::figure::Tolerance;
use crate::book::varies::Varies;
use crate::record::line::{Line, Stream};
use crate::text::words::counted;

/// How many lines that differ are named, of each side.
const MOST_NAMED: usize = 10;

/// Longer sequences that differ are compared as sets: so many pairs of lines are compared.
const MOST_PAIRS: usize = 4_000_000;

/// How a live run compares with its record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Agreement {
    /// The lines that only the live run has, in order.
    pub only_live: Vec<Difference>,
    /// The lines that only the record has, in order.
    pub only_recorded: Vec<Difference>,
}

/// A line that only one of two runs has, or has in that place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Its place among the lines of its run, counted from 0.
    pub at: usize,
    /// The line as it reads, without anything masked.
    pub text: String,
    /// Where it was printed.
    pub stream: Stream,
}

/// Whether the lines of one process are compared in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// They are.
    Kept,
    /// They are not: all lines are a set.
    Free,
}

impl Agreement {
    /// Compares two runs, each line masked first.
    pub fn of(live: &[Line], recorded: &[Line], varies: &Varies, order: Order) -> Agreement {
        let of_live = groups(live, varies, order);
        let of_recorded = groups(recorded, varies, order);
        let none = Vec::new();
        let (mut only_live, mut only_recorded) = (Vec::new(), Vec::new());
        let mut keys: Vec<&GroupKey> = of_live.keys().chain(of_recorded.keys()).collect();
        keys.sort();
        keys.dedup();
        for key in keys {
            let live = of_live.get(key).unwrap_or(&none);
            let recorded = of_recorded.get(key).unwrap_or(&none);
            for (live, recorded) in paired(live, recorded) {
                let (of_live, of_recorded) = match order {
                    Order::Kept => differing(live, recorded),
                    Order::Free => unmatched(live, recorded),
                };
                only_live.extend(of_live);
                only_recorded.extend(of_recorded);
            }
        }
        let differences = |lines: &[Line], mut only: Vec<usize>| {
            only.sort_unstable();
            let only = only.into_iter();
            only.map(|at| Difference {
                at,
                text: lines[at].text().to_owned(),
                stream: lines[at].stream,
            })
            .collect()
        };
        Agreement {
            only_live: differences(live, only_live),
            only_recorded: differences(recorded, only_recorded),
        }
    }

    /// Whether the two are the same lines.
    pub fn agrees(&self) -> bool {
        self.only_live.is_empty() && self.only_recorded.is_empty()
    }

    /// The predicate of a sentence about the run, for the terminal and the page.
    pub fn words(&self) -> String {
        if self.agrees() {
            return "agrees with its record, apart from what varies by nature".to_owned();
        }
        format!(
            "differs from its record: {} only recorded, {} only live",
            counted(self.only_recorded.len(), "line"),
            counted(self.only_live.len(), "line")
        )
    }

    /// The lines that differ, a sentence each; of many, the first ones.
    pub fn sentences(&self) -> Vec<String> {
        let mut sentences = Vec::new();
        let sides = [
            ("recorded", &self.only_recorded, &self.only_live),
            ("live", &self.only_live, &self.only_recorded),
        ];
        for (side, only, other) in sides {
            for line in only.iter().take(MOST_NAMED) {
                let same = other.iter().find(|there| there.text == line.text);
                let why = match same {
                    None => String::new(),
                    Some(there) if there.stream != line.stream => {
                        format!(" (on {})", line.stream.name())
                    }
                    Some(_) => " (in another place)".to_owned(),
                };
                sentences.push(format!("only {side}{why}: {}", line.text.trim_end()));
            }
            if only.len() > MOST_NAMED {
                sentences.push(format!(
                    "only {side}: {} lines more",
                    only.len() - MOST_NAMED
                ));
            }
        }
        sentences
    }
}

/// The places of differences, in order.
pub fn places(differences: &[Difference]) -> Vec<usize> {
    differences.iter().map(|difference| difference.at).collect()
}

/// A line as it is compared.
struct Compared {
    /// Its place among the lines of its run.
    at: usize,
    /// The line with all that varies by nature replaced.
    text: String,
    /// The numbers that have to be near the record's.
    numbers: Vec<(f64, Tolerance)>,
}

impl Compared {
    fn matches(&self, recorded: &Compared) -> bool {
        let numbers = self.numbers.iter().zip(&recorded.numbers);
        self.text == recorded.text
            && self.numbers.len() == recorded.numbers.len()
            && numbers
                .into_iter()
                .all(|((live, near), (recorded, _))| near.allows(*live, *recorded))
    }
}

/// Where a line was printed, and the name of its process, as far as that does not vary.
type GroupKey = (Stream, String);

/// The lines of each process, in order; those whose names differ only by what varies together.
fn groups(lines: &[Line], varies: &Varies, order: Order) -> BTreeMap<GroupKey, Vec<Vec<Compared>>> {
    let mut processes: Vec<((Stream, &str), Vec<Compared>)> = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some((text, numbers)) = compared(line.text(), varies) else {
            continue;
        };
        let process = match order {
            Order::Kept => process_of(line, varies),
            Order::Free => "",
        };
        let known = processes
            .iter()
            .rposition(|(known, _)| *known == (line.stream, process));
        let nth = known.unwrap_or_else(|| {
            processes.push(((line.stream, process), Vec::new()));
            processes.len() - 1
        });
        processes[nth].1.push(Compared { at, text, numbers });
    }
    let mut groups: BTreeMap<GroupKey, Vec<Vec<Compared>>> = BTreeMap::new();
    for ((stream, process), lines) in processes {
        let key = (stream, mask(process, varies));
        groups.entry(key).or_default().push(lines);
    }
    groups
}

/// The process that printed a line; empty where it does not say.
fn process_of<'l>(line: &'l Line, varies: &Varies) -> &'l str {
    let process = varies.process.as_ref();
    let found = process.and_then(|process| process.captures(line.text()));
    let found = found.and_then(|captures| Some(captures.get(1)?.range()));
    found.map_or("", |range| &line.text()[range])
}

/// Processes of the two runs that did the same, and then the others by turns.
fn paired<'c>(
    live: &'c [Vec<Compared>],
    recorded: &'c [Vec<Compared>],
) -> Vec<(&'c [Compared], &'c [Compared])> {
    let same = |live: &[Compared], recorded: &[Compared]| {
        live.len() == recorded.len() && live.iter().zip(recorded).all(|(a, b)| a.matches(b))
    };
    let mut left: Vec<&[Compared]> = recorded.iter().map(Vec::as_slice).collect();
    let mut strange: Vec<&[Compared]> = Vec::new();
    for live in live {
        match left.iter().position(|recorded| same(live, recorded)) {
            Some(at) => {
                left.remove(at);
            }
            None => strange.push(live),
        }
    }
    let pairs = strange.len().max(left.len());
    let nth = |of: &[&'c [Compared]], nth: usize| of.get(nth).copied().unwrap_or(&[]);
    (0..pairs)
        .map(|at| (nth(&strange, at), nth(&left, at)))
        .collect()
}

/// The places in each sequence of what the other has not there: all but a longest common
/// subsequence.
fn differing(live: &[Compared], recorded: &[Compared]) -> (Vec<usize>, Vec<usize>) {
    let same_start = live
        .iter()
        .zip(recorded)
        .take_while(|(a, b)| a.matches(b))
        .count();
    let (live, recorded) = (&live[same_start..], &recorded[same_start..]);
    let same_end = live
        .iter()
        .rev()
        .zip(recorded.iter().rev())
        .take_while(|(a, b)| a.matches(b))
        .count();
    let live = &live[..live.len() - same_end];
    let recorded = &recorded[..recorded.len() - same_end];
    if live.len().saturating_mul(recorded.len()) > MOST_PAIRS {
        let (only_live, only_recorded) = unmatched(live, recorded);
        if only_live.is_empty() && only_recorded.is_empty() {
            // The same lines in another order: they begin to differ here.
            return (vec![live[0].at], vec![recorded[0].at]);
        }
        return (only_live, only_recorded);
    }
    // How long a common subsequence of what follows is, from each pair of places.
    let width = recorded.len() + 1;
    let mut longest = vec![0_u32; (live.len() + 1) * width];
    for i in (0..live.len()).rev() {
        for j in (0..recorded.len()).rev() {
            longest[i * width + j] = if live[i].matches(&recorded[j]) {
                longest[(i + 1) * width + j + 1] + 1
            } else {
                longest[(i + 1) * width + j].max(longest[i * width + j + 1])
            };
        }
    }
    let (mut only_live, mut only_recorded) = (Vec::new(), Vec::new());
    let (mut i, mut j) = (0, 0);
    while i < live.len() && j < recorded.len() {
        if live[i].matches(&recorded[j]) {
            (i, j) = (i + 1, j + 1);
        } else if longest[i * width + j + 1] >= longest[(i + 1) * width + j] {
            only_recorded.push(recorded[j].at);
            j += 1;
        } else {
            only_live.push(live[i].at);
            i += 1;
        }
    }
    only_live.extend(live[i..].iter().map(|line| line.at));
    only_recorded.extend(recorded[j..].iter().map(|line| line.at));
    (only_live, only_recorded)
}

/// The places in each list of what the other has not, as often, wherever it stands.
fn unmatched(live: &[Compared], recorded: &[Compared]) -> (Vec<usize>, Vec<usize>) {
    let mut left: BTreeMap<&str, Vec<&Compared>> = BTreeMap::new();
    for line in recorded {
        left.entry(&line.text).or_default().push(line);
    }
    // From the start, so that of several equal lines the last ones are the lost ones.
    left.values_mut().for_each(|lines| lines.reverse());
    let mut only_live = Vec::new();
    for line in live {
        let same = left.get_mut(line.text.as_str());
        let found = same.and_then(|lines| {
            let at = lines.iter().rposition(|recorded| line.matches(recorded))?;
            Some(lines.remove(at))
        });
        if found.is_none() {
            only_live.push(line.at);
        }
    }
    let only_recorded = left.into_values().flatten().map(|line| line.at).collect();
    (only_live, only_recorded)
}

/// The lines with all that varies by nature replaced by `…`; `None` is a line
/// that is left out.
pub fn masked(lines: &[Line], varies: &Varies) -> Vec<Option<String>> {
    let lines = lines.iter();
    lines
        .map(|line| Some(compared(line.text(), varies)?.0))
        .collect()
}

fn is_ignored(line: &str, varies: &Varies) -> bool {
    varies
        .ignore_lines
        .iter()
        .any(|pattern| pattern.is_match(line))
}

/// The bytes of a line that vary by nature, in order and apart.
pub fn varying(line: &str, varies: &Varies) -> Vec<Range<usize>> {
    if is_ignored(line, varies) {
        return std::iter::once(0..line.len()).collect();
    }
    redacted(line, varies, &near(line, varies))
}

/// What is redacted, without the numbers that are compared.
fn redacted(
    line: &str,
    varies: &Varies,
    near: &[(Range<usize>, f64, Tolerance)],
) -> Vec<Range<usize>> {
    let patterns = varies.redact.iter();
    let mut found: Vec<Range<usize>> = patterns
        .flat_map(|pattern| pattern.find_iter(line).map(|part| part.range()))
        .filter(|range| !range.is_empty())
        .collect();
    found.sort_by_key(|range| range.start);
    let mut joined: Vec<Range<usize>> = Vec::new();
    for range in found {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    let mut apart = Vec::new();
    for range in joined {
        let mut start = range.start;
        for (number, ..) in near {
            if number.start < range.end && number.end > start {
                apart.push(start..number.start.max(start));
                start = number.end;
            }
        }
        apart.push(start..range.end);
    }
    apart.retain(|range| range.start < range.end);
    apart
}

/// The numbers of a line that have to be near the record's, in order and apart.
fn near(line: &str, varies: &Varies) -> Vec<(Range<usize>, f64, Tolerance)> {
    let mut found: Vec<(Range<usize>, f64, Tolerance)> = Vec::new();
    for (pattern, tolerance) in &varies.near {
        for captures in pattern.captures_iter(line) {
            let Some(number) = captures.get(1) else {
                continue;
            };
            let Ok(value) = number.as_str().replace('_', "").parse() else {
                continue;
            };
            // With what pads it: a longer number has less of that.
            let before = line[..number.start()].trim_end_matches(' ').len();
            let range = before..number.end();
            let overlaps = |(other, ..): &(Range<usize>, f64, Tolerance)| {
                other.start < range.end && range.start < other.end
            };
            if !found.iter().any(overlaps) {
                found.push((range, value, *tolerance));
            }
        }
    }
    found.sort_by_key(|(range, ..)| range.start);
    found
}

/// The line with each part that varies replaced: by definition what [`varying`] finds, so that
/// what is grey on the page is what is masked here; and its numbers that have to be near the
/// record's. `None`: it is left out.
fn compared(line: &str, varies: &Varies) -> Option<(String, Vec<(f64, Tolerance)>)> {
    if is_ignored(line, varies) {
        return None;
    }
    let near = near(line, varies);
    let mut parts: Vec<(Range<usize>, char)> = redacted(line, varies, &near)
        .into_iter()
        .map(|range| (range, '…'))
        .collect();
    parts.extend(near.iter().map(|(range, ..)| (range.clone(), '#')));
    parts.sort_by_key(|(range, _)| range.start);
    let mut masked = String::with_capacity(line.len());
    let mut from = 0;
    for (range, sign) in parts {
        masked.push_str(&line[from..range.start]);
        masked.push(sign);
        from = range.end;
    }
    masked.push_str(&line[from..]);
    masked.truncate(masked.trim_end().len());
    let numbers = near.into_iter().map(|(_, value, near)| (value, near));
    Some((masked, numbers.collect()))
}

fn mask(text: &str, varies: &Varies) -> String {
    compared(text, varies).map_or_else(String::new, |(masked, _)| masked)
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;
    use crate::record::line::lines_of;

    fn compared(live: &str, recorded: &str) -> Agreement {
        let pattern = |text| vec![Regex::new(text).expect("a pattern")];
        let varies = Varies {
            redact: [r"\d[\d_]* records", r"\[ *\d+\.\d+s\]", r"\b0x[0-9a-f]+\b"]
                .map(|text| Regex::new(text).expect("a pattern"))
                .into(),
            ignore_lines: pattern("^No data file yet"),
            near: vec![(
                Regex::new(r"took +(\d+) ms").expect("a pattern"),
                "×3".parse().expect("a tolerance"),
            )],
            process: Regex::new(r"^\s*(\S+)").ok(),
        };
        Agreement::of(&lines_of(live), &lines_of(recorded), &varies, Order::Kept)
    }

    #[track_caller]
    fn differ(live: &str, recorded: &str, only_live: &[&str], only_recorded: &[&str]) {
        let found = compared(live, recorded);
        assert!(!found.agrees());
        let texts = |differences: &[Difference]| -> Vec<String> {
            differences.iter().map(|line| line.text.clone()).collect()
        };
        assert_eq!(texts(&found.only_live), only_live);
        assert_eq!(texts(&found.only_recorded), only_recorded);
    }

    #[test]
    fn what_varies_by_nature_agrees() {
        let live = "\x1b[1mMain\x1b[0m [ 0.01s] id 0x7ff0 of 2_000 records\n";
        let recorded = "Main [12.34s] id 0x5e of 200_000_000 records  \n";
        assert!(compared(live, recorded).agrees());
    }

    #[test]
    fn an_incidental_line_is_no_difference_on_either_side() {
        assert!(compared("No data file yet\nA\n", "A\n").agrees());
        assert!(compared("A\n", "A\nNo data file yet\n").agrees());
    }

    #[test]
    fn what_varies_in_a_line_is_found_in_parts_that_do_not_touch() {
        let varies = Varies {
            redact: [r"Process-\d+ +\[", r"\[ *\d+\.\d+s\]", r"\b0x[0-9a-f]+\b"]
                .map(|text| Regex::new(text).expect("a pattern"))
                .into(),
            ignore_lines: vec![Regex::new("^No data").expect("a pattern")],
            near: Vec::new(),
            process: Regex::new("^(x)").ok(),
        };
        let found = |line: &str| -> Vec<String> {
            let ranges = varying(line, &varies).into_iter();
            ranges.map(|range| line[range].to_owned()).collect()
        };
        assert_eq!(
            found("ForkProcess-1 [ 0.01s] at 0x7f"),
            ["Process-1 [ 0.01s]", "0x7f"]
        );
        assert_eq!(found("No data yet"), ["No data yet"]);
        assert_eq!(found("the same"), [""; 0]);
    }

    #[test]
    fn what_is_grey_is_exactly_what_is_masked() {
        let varies = Varies {
            redact: ["a b", "b c"]
                .map(|p| Regex::new(p).expect("a pattern"))
                .into(),
            process: Regex::new("^(x)").ok(),
            ..Varies::default()
        };
        // The second pattern overlaps the first: all of it is grey, and none is compared.
        let grey = varying("a b c", &varies).into_iter();
        let grey: Vec<&str> = grey.map(|range| &"a b c"[range]).collect();
        assert_eq!(grey, ["a b c"]);
        let agree = |live, recorded| {
            Agreement::of(&lines_of(live), &lines_of(recorded), &varies, Order::Kept).agrees()
        };
        assert!(agree("a b c", "a b c"));
        assert!(agree("a b c", "b c"));
        assert!(!agree("a b c d", "a b c e"));
    }

    #[test]
    fn the_order_is_free_between_processes_and_kept_inside_one() {
        assert!(compared("A 1\nB 1\nA 2\n", "B 1\nA 1\nA 2\n").agrees());
        let found = compared("A 1\nB 1\nA 2\n", "B 1\nA 2\nA 1\n");
        assert!(!found.agrees());
        assert_eq!(
            found.sentences(),
            [
                "only recorded (in another place): A 2",
                "only live (in another place): A 2"
            ]
        );
    }

    #[test]
    fn many_lines_in_another_order_are_a_difference_too() {
        let recorded: String = (0..2100).map(|n| format!("A {n}\n")).collect();
        let live: String = (0..2100).rev().map(|n| format!("A {n}\n")).collect();
        differ(&live, &recorded, &["A 2099"], &["A 0"]);
    }

    #[test]
    fn the_order_is_free_in_a_run_that_asks_for_a_set() {
        let varies = Varies {
            process: Regex::new(r"^(\w)").ok(),
            ..Varies::default()
        };
        let (live, recorded) = (lines_of("A 1\nA 2\nA 2\n"), lines_of("A 2\nA 1\n"));
        let found = Agreement::of(&live, &recorded, &varies, Order::Free);
        assert_eq!(
            (places(&found.only_live), found.only_recorded.len()),
            (vec![2], 0)
        );
    }

    #[test]
    fn processes_that_change_their_names_may_change_their_parts() {
        let varies = Varies {
            redact: vec![Regex::new(r"Worker-\d").expect("a pattern")],
            process: Regex::new(r"^(\S+)").ok(),
            ..Varies::default()
        };
        let agrees = |live: &str, recorded: &str| {
            Agreement::of(&lines_of(live), &lines_of(recorded), &varies, Order::Kept).agrees()
        };
        let recorded = "Worker-1 a\nWorker-2 b\nWorker-1 c\nWorker-2 d\n";
        assert!(agrees(
            "Worker-2 a\nWorker-2 c\nWorker-1 b\nWorker-1 d\n",
            recorded
        ));
        assert!(!agrees(
            "Worker-2 a\nWorker-2 d\nWorker-1 b\nWorker-1 c\n",
            recorded
        ));
    }

    #[test]
    fn standard_error_is_not_standard_output() {
        let varies = Varies {
            process: Regex::new(r"^(\S+)").ok(),
            ..Varies::default()
        };
        let recorded = lines_of("A 1\n");
        let mut live = lines_of("A 1\n");
        live[0].stream = Stream::Error;
        let found = Agreement::of(&live, &recorded, &varies, Order::Kept);
        assert_eq!(
            found.sentences(),
            [
                "only recorded (on standard output): A 1",
                "only live (on standard error): A 1"
            ]
        );
    }

    #[test]
    fn a_number_may_be_as_far_from_its_record_as_its_tolerance_says() {
        assert!(compared("A took 250 ms\n", "A took 100 ms\n").agrees());
        differ(
            "A took 1000 ms\n",
            "A took 100 ms\n",
            &["A took 1000 ms"],
            &["A took 100 ms"],
        );
        assert!(compared("A took   90 ms\n", "A took 100 ms\n").agrees());
        differ(
            "A took 10 ms\n",
            "A took 100 ms\n",
            &["A took 10 ms"],
            &["A took 100 ms"],
        );
    }

    #[test]
    fn a_number_that_is_compared_is_not_masked_even_inside_what_is() {
        let varies = Varies {
            redact: vec![Regex::new(r"\[[^]]*\]").expect("a pattern")],
            ignore_lines: Vec::new(),
            near: vec![(
                Regex::new(r"\[ *([\d.]+)s").expect("a pattern"),
                "×2".parse().expect("a tolerance"),
            )],
            process: Regex::new(r"^(\S+)").ok(),
        };
        let line = "A [ 1.5s] done";
        let grey = varying(line, &varies).into_iter();
        assert_eq!(
            grey.map(|range| &line[range]).collect::<Vec<_>>(),
            ["[", "s]"]
        );
    }

    #[test]
    fn a_lost_line_differs_also_when_an_equal_one_is_there() {
        differ("A\n", "A\nB\n", &[], &["B"]);
        differ("A\n", "A\nA\n", &[], &["A"]);
    }

    #[test]
    fn an_added_line_differs_also_when_an_equal_one_is_there() {
        differ("A\nB\n", "A\n", &["B"], &[]);
        differ("A\nA\nA\n", "A\n", &["A", "A"], &[]);
    }

    #[test]
    fn a_changed_word_differs_and_is_shown_unmasked() {
        differ(
            "A [0.01s] ten records 0x1\n",
            "A [0.02s] 10 records 0x2\n",
            &["A [0.01s] ten records 0x1"],
            &["A [0.02s] 10 records 0x2"],
        );
    }
}
