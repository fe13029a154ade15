//! Whether a live run agrees with its record.

use std::collections::HashMap;
use std::ops::Range;

use crate::book::varies::Varies;
use crate::record::line::Line;
use crate::text::words::counted;

/// How many lines that differ are named, of each side.
const MOST_NAMED: usize = 10;

/// How a live run compares with its record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Agreement {
    /// The lines that only the live run has, in order.
    pub only_live: Vec<Difference>,
    /// The lines that only the record has, in order.
    pub only_recorded: Vec<Difference>,
}

/// A line that only one of two runs has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Its place among the lines of its run, counted from 0.
    pub at: usize,
    /// The line as it reads, without anything masked.
    pub text: String,
}

impl Agreement {
    /// Compares two runs as multisets of lines, each line masked first: the order
    /// in which processes run, and so print, is not theirs to choose.
    pub fn of(live: &[Line], recorded: &[Line], varies: &Varies) -> Agreement {
        let (only_live, only_recorded) =
            unmatched(&masked(live, varies), &masked(recorded, varies));
        let differences = |lines: &[Line], only: Vec<usize>| {
            let only = only.into_iter();
            only.map(|at| Difference {
                at,
                text: lines[at].text().to_owned(),
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
        for (side, only) in [("recorded", &self.only_recorded), ("live", &self.only_live)] {
            for line in only.iter().take(MOST_NAMED) {
                sentences.push(format!("only {side}: {}", line.text.trim()));
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

/// The lines with all that varies by nature replaced by `…`; `None` is a line
/// that is left out.
pub fn masked(lines: &[Line], varies: &Varies) -> Vec<Option<String>> {
    let texts = lines.iter().map(|line| line.text());
    texts
        .map(|text| (!is_ignored(text, varies)).then(|| mask(text, varies)))
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
    let patterns = varies.redact.iter();
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

/// The line with each part that varies replaced: by definition what [`varying`] finds, so that
/// what is grey on the page is what is masked here.
fn mask(line: &str, varies: &Varies) -> String {
    let mut masked = String::with_capacity(line.len());
    let mut from = 0;
    for range in varying(line, varies) {
        masked.push_str(&line[from..range.start]);
        masked.push('…');
        from = range.end;
    }
    masked.push_str(&line[from..]);
    masked.truncate(masked.trim_end().len());
    masked
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
        };
        Agreement::of(&lines_of(live), &lines_of(recorded), &varies)
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
            ignore_lines: Vec::new(),
        };
        // The second pattern overlaps the first: all of it is grey, and none is compared.
        let grey = varying("a b c", &varies).into_iter();
        let grey: Vec<&str> = grey.map(|range| &"a b c"[range]).collect();
        assert_eq!(grey, ["a b c"]);
        let agree =
            |live, recorded| Agreement::of(&lines_of(live), &lines_of(recorded), &varies).agrees();
        assert!(agree("a b c", "a b c"));
        assert!(agree("a b c", "b c"));
        assert!(!agree("a b c d", "a b c e"));
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
