//! Whether a live run agrees with its record.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use crate::book::varies::Varies;
use crate::record::line::Line;
use crate::text::words::counted;

/// How many lines that differ are named, of each side.
const MOST_NAMED: usize = 10;

/// The lines that only one of the two runs has, after masking what varies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Agreement {
    /// Lines that only the live run printed, as printed, without colours.
    pub only_live: Vec<String>,
    /// Lines that only the record has, as printed, without colours.
    pub only_recorded: Vec<String>,
}

impl Agreement {
    /// The outcome in a sentence's words, for the terminal and the page.
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

    /// Whether the two are the same lines.
    pub fn agrees(&self) -> bool {
        self.only_live.is_empty() && self.only_recorded.is_empty()
    }
}

/// Compares two runs as multisets of lines, each line masked first: the order
/// in which processes run, and so print, is not theirs to choose.
pub fn compare(live: &[Line], recorded: &[Line], varies: &Varies) -> Agreement {
    let (only_live, only_recorded) = differing(live, recorded, varies);
    let texts = |lines: &[Line], only: Vec<usize>| {
        only.into_iter().map(|at| lines[at].text.clone()).collect()
    };
    Agreement {
        only_live: texts(live, only_live),
        only_recorded: texts(recorded, only_recorded),
    }
}

/// The places of the lines that only one of the two has: of the live run's, of the record's.
pub fn differing(live: &[Line], recorded: &[Line], varies: &Varies) -> (Vec<usize>, Vec<usize>) {
    unmatched(&masked(live, varies), &masked(recorded, varies))
}

/// The lines with all that varies by nature replaced by `…`; `None` is a line
/// that is left out.
pub(crate) fn masked(lines: &[Line], varies: &Varies) -> Vec<Option<String>> {
    let texts = lines.iter().map(|line| line.text.as_str());
    let is_incidental = |text: &str| varies.incidental.iter().any(|line| line.is_match(text));
    texts
        .map(|text| (!is_incidental(text)).then(|| mask(text, &varies.masked)))
        .collect()
}

/// What varies in every listing: the times of its lines, and addresses.
static BUILT_IN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\[ *\d+\.\d+s\]|\b0x[0-9a-fA-F]+\b")
        .expect("a constant pattern, compiled by every test")
});

/// The bytes of a line that vary by nature, in order and apart.
pub fn varying(line: &str, varies: &Varies) -> Vec<Range<usize>> {
    if varies
        .incidental
        .iter()
        .any(|pattern| pattern.is_match(line))
    {
        return std::iter::once(0..line.len()).collect();
    }
    let patterns = varies.masked.iter().chain([&*BUILT_IN]);
    let mut found: Vec<Range<usize>> = patterns
        .flat_map(|pattern| pattern.find_iter(line).map(|part| part.range()))
        .filter(|range| !range.is_empty())
        .collect();
    found.sort_by_key(|range| range.start);
    let mut apart: Vec<Range<usize>> = Vec::new();
    for range in found {
        match apart.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => apart.push(range),
        }
    }
    apart
}

/// The listing's own patterns come first: they are written for the line as printed.
fn mask(line: &str, varies: &[Regex]) -> String {
    let mut line = line.trim_end().to_owned();
    for pattern in varies.iter().chain([&*BUILT_IN]) {
        line = pattern.replace_all(&line, "…").into_owned();
    }
    line
}

/// The places in each list of what the other has not, as often.
pub(crate) fn unmatched(
    live: &[Option<String>],
    recorded: &[Option<String>],
) -> (Vec<usize>, Vec<usize>) {
    fn compared(lines: &[Option<String>]) -> impl DoubleEndedIterator<Item = (usize, &str)> {
        let numbered = lines.iter().enumerate();
        numbered.filter_map(|(at, line)| Some((at, line.as_deref()?)))
    }
    // How many more of each line the record has, then what is left of that.
    let mut surplus: HashMap<&str, isize> = HashMap::new();
    for (_, line) in compared(recorded) {
        *surplus.entry(line).or_default() += 1;
    }
    let mut only_live = Vec::new();
    for (at, line) in compared(live) {
        match surplus.get_mut(line) {
            Some(left) if *left > 0 => *left -= 1,
            _ => only_live.push(at),
        }
    }
    // From the end, so that of several equal lines the last ones are the lost ones.
    let mut only_recorded = Vec::new();
    for (at, line) in compared(recorded).rev() {
        match surplus.get_mut(line) {
            Some(left) if *left > 0 => {
                *left -= 1;
                only_recorded.push(at);
            }
            _ => {}
        }
    }
    only_recorded.reverse();
    (only_live, only_recorded)
}

/// The lines that differ, a sentence each.
pub fn differences(found: &Agreement) -> Vec<String> {
    let mut sentences = Vec::new();
    for (side, only) in [
        ("recorded", &found.only_recorded),
        ("live", &found.only_live),
    ] {
        for line in only.iter().take(MOST_NAMED) {
            sentences.push(format!("only {side}: {}", line.trim()));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::line::{Event, lines_of};

    fn compared(live: &str, recorded: &str) -> Agreement {
        let lines = |text: &str| {
            lines_of(&[Event {
                seconds: 0.0,
                text: text.to_owned(),
            }])
        };
        let pattern = |text| vec![Regex::new(text).expect("a pattern")];
        let varies = Varies {
            masked: pattern(r"\d[\d_]* records"),
            incidental: pattern("^No data file yet"),
        };
        compare(&lines(live), &lines(recorded), &varies)
    }

    #[track_caller]
    fn differ(live: &str, recorded: &str, only_live: &[&str], only_recorded: &[&str]) {
        let found = compared(live, recorded);
        assert!(!found.agrees());
        assert_eq!(
            (found.only_live, found.only_recorded),
            (
                only_live.iter().map(|line| line.to_string()).collect(),
                only_recorded.iter().map(|line| line.to_string()).collect(),
            )
        );
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
            masked: vec![Regex::new(r"Process-\d+ +\[").expect("a pattern")],
            incidental: vec![Regex::new("^No data").expect("a pattern")],
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
    fn the_order_does_not_matter_neither_between_processes_nor_inside_one() {
        assert!(compared("A 1\nB 1\nA 2\n", "B 1\nA 2\nA 1\n").agrees());
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
