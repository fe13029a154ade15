//! A run and its record in the terminal: side by side where there is room.

use std::time::{Duration, Instant};

use owo_colors::{OwoColorize, Style};
use similar::{Algorithm, DiffOp, capture_diff_slices_deadline};
use unicode_width::UnicodeWidthChar;

use crate::book::varies::Varies;
use crate::judge::agreement;
use crate::record::line::Line;

/// Below this width, the record and the live run stand one above the other.
const SIDE_BY_SIDE: usize = 100;

/// Two long runs that have little in common are aligned only roughly.
const LONGEST_ALIGNMENT: Duration = Duration::from_secs(1);

/// How wide standard output is, and whether it takes colours.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terminal {
    pub(crate) width: usize,
    pub(crate) colour: bool,
}

impl Terminal {
    /// The terminal of standard output. What is no terminal is as wide as
    /// `COLUMNS` says, or just wide enough for two columns.
    pub(crate) fn of_stdout() -> Terminal {
        let told = std::env::var("COLUMNS").ok();
        let told = told.and_then(|columns| columns.parse().ok());
        let width = terminal_size::terminal_size_of(std::io::stdout())
            .map(|(terminal_size::Width(columns), _)| usize::from(columns))
            .or(told)
            .unwrap_or(SIDE_BY_SIDE);
        Terminal {
            width: width.max(20),
            colour: supports_color::on(supports_color::Stream::Stdout).is_some(),
        }
    }

    pub(crate) fn good(&self, text: &str) -> String {
        self.styled(text, Style::new().green())
    }

    pub(crate) fn bad(&self, text: &str) -> String {
        self.styled(text, Style::new().red().bold())
    }

    pub(crate) fn warning(&self, text: &str) -> String {
        self.styled(text, Style::new().yellow())
    }

    pub(crate) fn faint(&self, text: &str) -> String {
        self.styled(text, Style::new().dimmed())
    }

    pub(crate) fn strong(&self, text: &str) -> String {
        self.styled(text, Style::new().bold())
    }

    fn styled(&self, text: &str, style: Style) -> String {
        match self.colour {
            true => text.style(style).to_string(),
            false => text.to_owned(),
        }
    }

    /// The two runs, line beside line where they agree. A line that only one
    /// of them has is marked `≠`.
    pub(crate) fn compare(
        &self,
        recorded: (&str, &[Line]),
        live: (&str, &[Line]),
        varies: &Varies,
    ) -> String {
        let (recorded_heading, recorded) = recorded;
        let (live_heading, live) = live;
        let masked_recorded = agreement::masked(recorded, varies);
        let masked_live = agreement::masked(live, varies);
        let (only_live, only_recorded) = agreement::unmatched(&masked_live, &masked_recorded);
        let is_strange_recorded = |at: usize| only_recorded.binary_search(&at).is_ok();
        let is_strange_live = |at: usize| only_live.binary_search(&at).is_ok();

        let mut out = String::new();
        if self.width < SIDE_BY_SIDE {
            out += &format!("{}\n", self.strong(recorded_heading));
            for (at, line) in recorded.iter().enumerate() {
                for piece in self.cell(line, is_strange_recorded(at), self.width) {
                    out += &format!("{}\n", piece.text);
                }
            }
            out += &format!("\n{}\n", self.strong(live_heading));
            for (at, line) in live.iter().enumerate() {
                for piece in self.cell(line, is_strange_live(at), self.width) {
                    out += &format!("{}\n", piece.text);
                }
            }
            return out;
        }

        const BETWEEN: &str = " │ ";
        let column = (self.width - BETWEEN.chars().count()) / 2;
        let mut row = |left: &[Piece], right: &[Piece]| {
            for at in 0..left.len().max(right.len()) {
                let (text, width) = left
                    .get(at)
                    .map_or(("", 0), |piece| (&piece.text, piece.width));
                let padding = " ".repeat(column.saturating_sub(width));
                let right = right.get(at).map_or("", |piece| &piece.text);
                let line = format!("{text}{padding}{BETWEEN}{right}");
                out += line.trim_end();
                out.push('\n');
            }
        };
        row(
            &wrap(&self.strong(recorded_heading), column),
            &wrap(&self.strong(live_heading), column),
        );
        let rule = Piece::of(&"─".repeat(column));
        row(std::slice::from_ref(&rule), std::slice::from_ref(&rule));
        for (old, new) in aligned(&masked_recorded, &masked_live) {
            let left = old.map(|at| self.cell(&recorded[at], is_strange_recorded(at), column));
            let right = new.map(|at| self.cell(&live[at], is_strange_live(at), column));
            row(&left.unwrap_or_default(), &right.unwrap_or_default());
        }
        out
    }

    fn cell(&self, line: &Line, strange: bool, width: usize) -> Vec<Piece> {
        if strange {
            // In one colour: the mark would be lost among the line's own.
            return wrap(&self.bad(&format!("≠ {}", line.text)), width);
        }
        let shown = match self.colour {
            true => line.raw.rsplit('\r').next().unwrap_or_default(),
            false => &line.text,
        };
        wrap(shown, width)
    }
}

/// Which lines stand beside which: equal ones as far as the order allows.
fn aligned(old: &[Option<String>], new: &[Option<String>]) -> Vec<(Option<usize>, Option<usize>)> {
    let mut rows = Vec::new();
    let deadline = Some(Instant::now() + LONGEST_ALIGNMENT);
    for op in capture_diff_slices_deadline(Algorithm::Myers, old, new, deadline) {
        let (old, new) = match op {
            DiffOp::Equal {
                old_index,
                new_index,
                len,
            } => (old_index..old_index + len, new_index..new_index + len),
            DiffOp::Delete {
                old_index, old_len, ..
            } => (old_index..old_index + old_len, 0..0),
            DiffOp::Insert {
                new_index, new_len, ..
            } => (0..0, new_index..new_index + new_len),
            DiffOp::Replace {
                old_index,
                old_len,
                new_index,
                new_len,
            } => (
                old_index..old_index + old_len,
                new_index..new_index + new_len,
            ),
        };
        let (mut old, mut new) = (old, new);
        loop {
            match (old.next(), new.next()) {
                (None, None) => break,
                row => rows.push(row),
            }
        }
    }
    rows
}

/// A part of a line that fits, with the columns that it takes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Piece {
    text: String,
    width: usize,
}

impl Piece {
    fn of(text: &str) -> Piece {
        Piece {
            text: text.to_owned(),
            width: text.chars().filter_map(UnicodeWidthChar::width).sum(),
        }
    }
}

/// Cuts a line into pieces of at most `width` columns, between words where one
/// ends in the second half of a piece. Each piece ends the colours that it
/// begins with (SGR sequences; other escapes are dropped).
fn wrap(line: &str, width: usize) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut piece = Unfinished::default();
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        if c == '\x1b' {
            let end = rest.find(|c: char| c.is_ascii_alphabetic());
            let (escape, after) = rest.split_at(end.map_or(rest.len(), |at| at + 1));
            rest = after;
            piece.colour(escape);
            continue;
        }
        rest = &rest[c.len_utf8()..];
        // A tab has no width of its own; other control characters are not shown.
        let (text, columns) = match (c, c.width()) {
            ('\t', _) => ("    ".to_owned(), 4),
            (_, Some(columns)) => (c.to_string(), columns),
            (_, None) => continue,
        };
        if piece.width + columns > width && piece.width > 0 {
            pieces.push(piece.break_off(width));
        }
        piece.text.push_str(&text);
        piece.width += columns;
        if c == ' ' {
            piece.word_end = Some((piece.text.len(), piece.width, piece.colours.clone()));
        }
    }
    pieces.push(piece.finish());
    pieces
}

const RESET: &str = "\x1b[0m";

/// The piece of a line that is being filled.
#[derive(Debug, Default)]
struct Unfinished {
    text: String,
    width: usize,
    /// The SGR sequences that are in force at its end.
    colours: String,
    /// Behind the last space: the place in `text`, the width, the colours there.
    word_end: Option<(usize, usize, String)>,
}

impl Unfinished {
    fn colour(&mut self, escape: &str) {
        if escape == RESET || escape == "\x1b[m" {
            self.colours.clear();
            self.text.push_str(RESET);
        } else if escape.starts_with("\x1b[") && escape.ends_with('m') {
            self.colours.push_str(escape);
            self.text.push_str(escape);
        }
    }

    /// Takes the full piece off; what is behind its last word stays.
    fn break_off(&mut self, width: usize) -> Piece {
        let at_word = self.word_end.take().filter(|(_, end, _)| *end * 2 > width);
        let whole = || (self.text.len(), self.width, self.colours.clone());
        let (end, full_width, colours) = at_word.unwrap_or_else(whole);
        let behind = self.text.split_off(end);
        let full = Unfinished {
            text: std::mem::take(&mut self.text),
            width: full_width,
            colours: colours.clone(),
            word_end: None,
        };
        self.text = colours + &behind;
        self.width -= full_width;
        full.finish()
    }

    fn finish(mut self) -> Piece {
        if !self.colours.is_empty() {
            self.text.push_str(RESET);
        }
        Piece {
            text: self.text,
            width: self.width,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::line::{Event, lines_of};

    fn lines(text: &str) -> Vec<Line> {
        lines_of(&[Event {
            seconds: 0.0,
            text: text.to_owned(),
        }])
    }

    fn compared(width: usize, colour: bool, recorded: &str, live: &str) -> String {
        let terminal = Terminal { width, colour };
        let (recorded, live) = (lines(recorded), lines(live));
        terminal.compare(("Recorded", &recorded), ("Live", &live), &Varies::default())
    }

    fn rows(text: &str) -> Vec<(&str, &str)> {
        let cells = text
            .lines()
            .skip(2)
            .map(|row| row.split_once('│').expect("two columns"));
        cells
            .map(|(left, right)| (left.trim(), right.trim()))
            .collect()
    }

    #[test]
    fn equal_lines_stand_beside_each_other_and_others_are_marked() {
        let text = compared(
            100,
            false,
            "A\nlost\nB [0.01s]\nC\n",
            "A\nB [0.20s]\nold\nnew\nC\n",
        );
        assert_eq!(
            rows(&text),
            [
                ("A", "A"),
                ("≠ lost", ""),
                ("B [0.01s]", "B [0.20s]"),
                ("", "≠ old"),
                ("", "≠ new"),
                ("C", "C")
            ]
        );
    }

    #[test]
    fn a_line_that_came_at_another_time_is_not_marked() {
        let text = compared(100, false, "A\nB\n", "B\nA\n");
        assert!(!text.contains('≠'), "{text}");
    }

    #[test]
    fn a_narrow_terminal_has_one_above_the_other() {
        let text = compared(99, false, "A\nlost\n", "A\n");
        assert_eq!(text, "Recorded\nA\n≠ lost\n\nLive\nA\n");
    }

    #[test]
    fn no_row_is_wider_than_the_terminal() {
        let long = "x".repeat(230) + "\n";
        let text = compared(101, false, &long, &format!("{long}宽{long}"));
        assert!(
            text.lines().all(|row| Piece::of(row).width <= 101),
            "{text}"
        );
        assert_eq!(text.matches('x').count(), 3 * 230);
    }

    #[test]
    fn colours_end_with_each_piece_and_go_on_in_the_next() {
        let pieces = wrap("\x1b[1mabc\x1b[0md\x1b[K\te", 2);
        let texts: Vec<&str> = pieces.iter().map(|piece| piece.text.as_str()).collect();
        assert_eq!(texts, ["\x1b[1mab\x1b[0m", "\x1b[1mc\x1b[0md", "    ", "e"]);
    }

    #[test]
    fn a_line_breaks_between_words_but_not_far_from_its_end() {
        let texts = |line: &str| -> Vec<String> {
            wrap(line, 10).into_iter().map(|piece| piece.text).collect()
        };
        assert_eq!(texts("one two three"), ["one two ", "three"]);
        assert_eq!(texts("one 0123456789"), ["one 012345", "6789"]);
        assert_eq!(
            texts("one \x1b[1mtwo \x1b[32mthree\x1b[0m."),
            ["one \x1b[1mtwo \x1b[0m", "\x1b[1m\x1b[32mthree\x1b[0m."]
        );
    }

    #[test]
    fn colours_of_the_run_are_shown_only_where_colours_are_taken() {
        let run = "\x1b[1mMain\x1b[0m\n";
        assert!(compared(120, true, run, run).contains("\x1b[1mMain\x1b[0m"));
        assert!(!compared(120, false, run, run).contains('\x1b'));
    }
}
