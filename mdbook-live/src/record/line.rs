//! The lines that a run prints: each made once, from the bytes that were read.

use crate::text::ansi::{self, Styled};

/// A longer line is continued in the next one, so that no line is without bound.
pub const LONGEST_LINE: usize = 64 << 10;

/// Where a line was printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stream {
    /// Standard output.
    #[default]
    Output,
    /// Standard error.
    Error,
    /// By the client that calls the run.
    Client,
}

impl Stream {
    /// "standard output".
    pub fn name(self) -> &'static str {
        match self {
            Stream::Output => "standard output",
            Stream::Error => "standard error",
            Stream::Client => "its client's output",
        }
    }
}

/// One line that a run printed.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// When its end was read, in seconds since the run's start.
    pub seconds: f64,
    /// Where it was printed.
    pub stream: Stream,
    /// The line as it was printed, with its escape sequences, without its end.
    pub raw: String,
    /// The line as it reads, and how it looks.
    pub styled: Styled,
}

impl Line {
    /// From the bytes of a line without its `\n`. Bytes that are not UTF-8 become U+FFFD.
    fn new(seconds: f64, stream: Stream, bytes: &[u8]) -> Line {
        let line = String::from_utf8_lossy(bytes);
        let raw = line.trim_end_matches('\r').to_owned();
        let styled = ansi::parse(&raw);
        Line {
            seconds,
            stream,
            raw,
            styled,
        }
    }

    /// The line with other words, in their own escape sequences.
    pub fn with_raw(&self, raw: String) -> Line {
        Line {
            styled: ansi::parse(&raw),
            raw,
            ..*self
        }
    }

    /// The line as it reads: without escape sequences.
    pub fn text(&self) -> &str {
        &self.styled.text
    }
}

/// Cuts what is read, in pieces of any size, into lines.
#[derive(Debug, Default)]
pub struct LineCutter {
    /// Where it was printed.
    stream: Stream,
    /// The line that has not ended yet.
    rest: Vec<u8>,
}

impl LineCutter {
    /// For what is printed there.
    pub fn of(stream: Stream) -> LineCutter {
        LineCutter {
            stream,
            rest: Vec::new(),
        }
    }

    /// Takes bytes that were read at that time, and hands on each line that ends in them.
    pub fn push(&mut self, seconds: f64, bytes: &[u8], with_line: &mut dyn FnMut(Line)) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.rest.extend_from_slice(piece);
            if self.rest.last() == Some(&b'\n') {
                self.rest.pop();
                with_line(Line::new(seconds, self.stream, &self.rest));
                self.rest.clear();
            }
            while self.rest.len() > LONGEST_LINE {
                let cut = character_boundary(&self.rest, LONGEST_LINE);
                with_line(Line::new(seconds, self.stream, &self.rest[..cut]));
                self.rest.drain(..cut);
            }
        }
    }

    /// Nothing follows: a last line without its end is a line too.
    pub fn finish(&mut self, seconds: f64, with_line: &mut dyn FnMut(Line)) {
        if !self.rest.is_empty() {
            with_line(Line::new(seconds, self.stream, &self.rest));
            self.rest.clear();
        }
    }
}

/// The last place up to `most` that is not inside a UTF-8 character.
fn character_boundary(bytes: &[u8], most: usize) -> usize {
    let continues = |at: &usize| bytes.get(*at).is_some_and(|byte| byte & 0xc0 == 0x80);
    // A character has at most four bytes; what is longer is not UTF-8, and may be cut anywhere.
    (most - 3..=most)
        .rev()
        .find(|at| !continues(at))
        .unwrap_or(most)
}

/// The lines of a text that has no times.
pub fn lines_of(text: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut cutter = LineCutter::default();
    cutter.push(0.0, text.as_bytes(), &mut |line| lines.push(line));
    cutter.finish(0.0, &mut |line| lines.push(line));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(pieces: &[(f64, &[u8])]) -> Vec<(f64, String)> {
        let mut lines = Vec::new();
        let mut cutter = LineCutter::default();
        let mut keep = |line: Line| lines.push((line.seconds, line.text().to_owned()));
        for (seconds, bytes) in pieces {
            cutter.push(*seconds, bytes, &mut keep);
        }
        cutter.finish(9.0, &mut keep);
        lines
    }

    #[test]
    fn a_line_has_the_time_of_its_end_however_it_was_read() {
        assert_eq!(
            cut(&[
                (0.1, b"on"),
                (0.2, b"e\ntwo\r\nthr"),
                (0.3, b"ee\n"),
                (0.4, b"\nlast")
            ]),
            [
                (0.2, "one".into()),
                (0.2, "two".into()),
                (0.3, "three".into()),
                (0.4, String::new()),
                (9.0, "last".into()),
            ]
        );
    }

    #[test]
    fn bytes_that_are_not_text_are_replaced_and_cost_no_line() {
        let pieces: [(f64, &[u8]); 3] = [(0.0, b"a\xffb\n\xc3"), (0.1, b"\xa4\n\xc3"), (0.2, b"")];
        let texts: Vec<String> = cut(&pieces).into_iter().map(|(_, text)| text).collect();
        assert_eq!(texts, ["a\u{FFFD}b", "ä", "\u{FFFD}"]);
    }

    #[test]
    fn a_line_without_end_is_cut_between_characters_and_nothing_is_lost() {
        let long = "xä".repeat(LONGEST_LINE);
        let lines = cut(&[(0.0, long.as_bytes())]);
        assert!(lines.len() >= 3);
        assert!(lines.iter().all(|(_, text)| text.len() <= LONGEST_LINE));
        let joined: String = lines.into_iter().map(|(_, text)| text).collect();
        assert_eq!(joined, long);
    }
}
