//! The lines that a run prints.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

/// A piece of output, at most one line, with the time when it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Seconds since the start.
    pub seconds: f64,
    /// The text; a line ends with `\n`.
    pub text: String,
}

/// One line of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// When its end was read, in seconds since the start.
    pub seconds: f64,
    /// The line with its colours, without its line end.
    pub raw: String,
    /// The line without ANSI escapes.
    pub text: String,
}

/// The lines of a run's events: colours stripped, times kept. A last line
/// without its end is a line too.
pub fn lines_of(events: &[Event]) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut raw = String::new();
    let mut seconds = 0.0;
    for event in events {
        seconds = event.seconds;
        for piece in event.text.split_inclusive('\n') {
            raw.push_str(piece);
            if piece.ends_with('\n') {
                raw.pop();
                lines.push(Line::new(seconds, std::mem::take(&mut raw)));
            }
        }
    }
    if !raw.is_empty() {
        lines.push(Line::new(seconds, raw));
    }
    lines
}

impl Line {
    fn new(seconds: f64, mut raw: String) -> Line {
        while raw.ends_with('\r') {
            raw.pop();
        }
        // A carriage return inside a line: a terminal shows what comes after it.
        let shown = raw.rsplit('\r').next().unwrap_or_default();
        let text = without_escapes(shown).into_owned();
        Line { seconds, raw, text }
    }
}

/// A line as it reads: without ANSI escapes (ECMA-48: CSI, OSC and two-byte sequences).
pub fn without_escapes(line: &str) -> Cow<'_, str> {
    static ESCAPES: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-Z\\^-~])")
            .expect("a constant pattern, compiled by every test")
    });
    ESCAPES.replace_all(line, "")
}
