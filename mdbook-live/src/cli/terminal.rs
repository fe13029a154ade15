//! A run and its record in the terminal: side by side where there is room.

use std::time::{Duration, Instant};

use owo_colors::{AnsiColors, OwoColorize, Style, XtermColors};
use similar::{Algorithm, DiffOp, capture_diff_slices_deadline};
use unicode_width::UnicodeWidthChar;

use crate::book::varies::Varies;
use crate::judge::agreement::{self, Agreement, places};
use crate::record::line::Line;
use crate::text::ansi::{self, Colour, Styled};

/// Below this width, the record is shown above the live run.
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
        let columns = std::env::var("COLUMNS").ok();
        let columns = columns.and_then(|columns| columns.parse().ok());
        let width = terminal_size::terminal_size_of(std::io::stdout())
            .map(|(terminal_size::Width(columns), _)| usize::from(columns))
            .or(columns)
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
        if self.colour {
            text.style(style).to_string()
        } else {
            text.to_owned()
        }
    }

    /// The two runs in two columns, aligned where they agree. A line that only one
    /// of them has is marked `≠`.
    pub(crate) fn compare(
        &self,
        recorded: (&str, &[Line]),
        live: (&str, &[Line]),
        varies: &Varies,
        agreement: &Agreement,
    ) -> String {
        let (recorded_heading, recorded) = recorded;
        let (live_heading, live) = live;
        let masked_recorded = agreement::masked(recorded, varies);
        let masked_live = agreement::masked(live, varies);
        let (only_live, only_recorded) = (
            places(&agreement.only_live),
            places(&agreement.only_recorded),
        );
        let is_strange_recorded = |at: usize| only_recorded.binary_search(&at).is_ok();
        let is_strange_live = |at: usize| only_live.binary_search(&at).is_ok();

        let mut out = String::new();
        if self.width < SIDE_BY_SIDE {
            out += &format!("{}\n", self.strong(recorded_heading));
            for (at, line) in recorded.iter().enumerate() {
                for row in self.cell(line, is_strange_recorded(at), self.width) {
                    out += &format!("{}\n", row.text);
                }
            }
            out += &format!("\n{}\n", self.strong(live_heading));
            for (at, line) in live.iter().enumerate() {
                for row in self.cell(line, is_strange_live(at), self.width) {
                    out += &format!("{}\n", row.text);
                }
            }
            return out;
        }

        const BETWEEN: &str = " │ ";
        let column = (self.width - BETWEEN.chars().count()) / 2;
        let mut row = |left: &[Row], right: &[Row]| {
            for at in 0..left.len().max(right.len()) {
                let (text, width) = left.get(at).map_or(("", 0), |row| (&row.text, row.width));
                let padding = " ".repeat(column.saturating_sub(width));
                let right = right.get(at).map_or("", |row| &row.text);
                let line = format!("{text}{padding}{BETWEEN}{right}");
                out += line.trim_end();
                out.push('\n');
            }
        };
        row(
            &self.heading(recorded_heading, column),
            &self.heading(live_heading, column),
        );
        let rule = Row {
            text: "─".repeat(column),
            width: column,
        };
        row(std::slice::from_ref(&rule), std::slice::from_ref(&rule));
        for (old, new) in aligned(&masked_recorded, &masked_live) {
            let left = old.map(|at| self.cell(&recorded[at], is_strange_recorded(at), column));
            let right = new.map(|at| self.cell(&live[at], is_strange_live(at), column));
            row(&left.unwrap_or_default(), &right.unwrap_or_default());
        }
        out
    }

    /// A whole line in its own colours, where colours are taken.
    pub(crate) fn styled_line(&self, line: &Styled) -> String {
        let parts = line.parts();
        parts
            .map(|(style, text)| self.painted(style, text))
            .collect()
    }

    /// A line in rows of that width; one that only this side has is marked.
    fn cell(&self, line: &Line, strange: bool, width: usize) -> Vec<Row> {
        if strange {
            // In one colour: the mark would be lost among the line's own.
            let marked = format!("≠ {}", line.text());
            return self.rows([(DIFFERENT, marked.as_str())].into_iter(), width);
        }
        self.rows(line.styled.parts(), width)
    }

    fn heading(&self, words: &str, width: usize) -> Vec<Row> {
        self.rows([(HEADING, words)].into_iter(), width)
    }

    fn rows<'t>(
        &self,
        parts: impl Iterator<Item = (ansi::Style, &'t str)>,
        width: usize,
    ) -> Vec<Row> {
        let row = |row: Vec<(ansi::Style, String)>| Row {
            width: row.iter().map(|(_, text)| columns(text)).sum(),
            text: row
                .iter()
                .map(|(style, text)| self.painted(*style, text))
                .collect(),
        };
        wrap(parts, width).into_iter().map(row).collect()
    }

    fn painted(&self, style: ansi::Style, text: &str) -> String {
        if style == ansi::Style::default() {
            return text.to_owned();
        }
        let mut wanted = Style::new();
        if style.bold {
            wanted = wanted.bold();
        }
        if style.dim {
            wanted = wanted.dimmed();
        }
        if style.italic {
            wanted = wanted.italic();
        }
        if style.underline {
            wanted = wanted.underline();
        }
        wanted = match style.colour {
            None => wanted,
            Some(Colour::Indexed(index)) => match ANSI_COLOURS.get(usize::from(index)) {
                Some(colour) => wanted.color(*colour),
                None => wanted.color(XtermColors::from(index)),
            },
            Some(Colour::Rgb(red, green, blue)) => wanted.truecolor(red, green, blue),
        };
        self.styled(text, wanted)
    }
}

/// The colours that SGR 30–37 and 90–97 select, in their order.
const ANSI_COLOURS: [AnsiColors; 16] = [
    AnsiColors::Black,
    AnsiColors::Red,
    AnsiColors::Green,
    AnsiColors::Yellow,
    AnsiColors::Blue,
    AnsiColors::Magenta,
    AnsiColors::Cyan,
    AnsiColors::White,
    AnsiColors::BrightBlack,
    AnsiColors::BrightRed,
    AnsiColors::BrightGreen,
    AnsiColors::BrightYellow,
    AnsiColors::BrightBlue,
    AnsiColors::BrightMagenta,
    AnsiColors::BrightCyan,
    AnsiColors::BrightWhite,
];

const HEADING: ansi::Style = ansi::Style {
    bold: true,
    dim: false,
    italic: false,
    underline: false,
    colour: None,
};

/// How a line looks that only one of two runs has.
const DIFFERENT: ansi::Style = ansi::Style {
    colour: Some(Colour::Indexed(1)),
    ..HEADING
};

/// Which lines share a row: equal ones as far as the order allows.
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

/// A part of a line that fits, as it is printed, with the columns that it takes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Row {
    text: String,
    width: usize,
}

/// A tab has no width of its own.
const TAB: &str = "    ";

/// How many columns a text takes.
fn columns(text: &str) -> usize {
    text.chars().filter_map(width_of).sum()
}

fn width_of(c: char) -> Option<usize> {
    if c == '\t' {
        Some(TAB.len())
    } else {
        c.width()
    }
}

/// Cuts a line into rows of at most `width` columns, between words where one ends in the
/// second half of a row.
fn wrap<'t>(
    parts: impl Iterator<Item = (ansi::Style, &'t str)>,
    width: usize,
) -> Vec<Vec<(ansi::Style, String)>> {
    let characters: Vec<(ansi::Style, char, usize)> = parts
        .flat_map(|(style, text)| text.chars().map(move |c| (style, c)))
        .filter_map(|(style, c)| Some((style, c, width_of(c)?)))
        .collect();
    let mut rows = Vec::new();
    let mut rest = &characters[..];
    loop {
        let (mut end, mut used, mut at_word) = (0, 0, None);
        for (_, c, columns) in rest {
            // Always a character: one that is wider than a row has a row of its own.
            if used + columns > width && end > 0 {
                break;
            }
            used += columns;
            end += 1;
            if *c == ' ' && used * 2 > width {
                at_word = Some(end);
            }
        }
        if end < rest.len() {
            end = at_word.unwrap_or(end);
        }
        let (row, after) = rest.split_at(end);
        rows.push(joined(row));
        rest = after;
        if rest.is_empty() {
            return rows;
        }
    }
}

/// Neighbours of one style in one piece.
fn joined(characters: &[(ansi::Style, char, usize)]) -> Vec<(ansi::Style, String)> {
    let of_one_style = characters.chunk_by(|(one, ..), (other, ..)| one == other);
    let text = |chunk: &[(ansi::Style, char, usize)]| {
        let characters = chunk.iter().map(|(_, c, _)| *c);
        characters.collect::<String>().replace('\t', TAB)
    };
    of_one_style
        .map(|chunk| (chunk[0].0, text(chunk)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::agreement::Order;
    use crate::record::line::lines_of;

    fn compared(width: usize, colour: bool, recorded: &str, live: &str) -> String {
        let terminal = Terminal { width, colour };
        let (recorded, live) = (lines_of(recorded), lines_of(live));
        let varies = Varies {
            redact: vec![regex::Regex::new(r"\[\d\.\d\ds\]").expect("a pattern")],
            ..Varies::default()
        };
        let agreement = Agreement::of(&live, &recorded, &varies, Order::Free);
        terminal.compare(
            ("Recorded", &recorded),
            ("Live", &live),
            &varies,
            &agreement,
        )
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
        assert!(text.lines().all(|row| columns(row) <= 101), "{text}");
        assert_eq!(text.matches('x').count(), 3 * 230);
    }

    /// The rows of a line, colours and all.
    fn rows_of(line: &str, width: usize) -> Vec<String> {
        let terminal = Terminal {
            width: 100,
            colour: true,
        };
        let line = &lines_of(line)[0];
        let rows = terminal.cell(line, false, width).into_iter();
        rows.map(|row| row.text).collect()
    }

    #[test]
    fn colours_end_with_each_row_and_go_on_in_the_next() {
        assert_eq!(
            rows_of("\x1b[1mabc\x1b[0md\x1b[K\te", 2),
            ["\x1b[1mab\x1b[0m", "\x1b[1mc\x1b[0md", "    ", "e"]
        );
        assert_eq!(rows_of("\x1b[38;5;208ma", 9), ["\x1b[38;5;208ma\x1b[0m"]);
    }

    #[test]
    fn a_link_keeps_its_words_and_loses_its_address() {
        let link = "see \x1b]8;;http://x/\x1b\\here\x1b]8;;\x1b\\ now";
        assert_eq!(rows_of(link, 40), ["see here now"]);
    }

    #[test]
    fn a_line_breaks_between_words_but_not_far_from_its_end() {
        assert_eq!(rows_of("one two three", 10), ["one two ", "three"]);
        assert_eq!(rows_of("one 0123456789", 10), ["one 012345", "6789"]);
    }

    #[test]
    fn colours_of_the_run_are_shown_only_where_colours_are_taken() {
        let run = "\x1b[1mMain\x1b[0m\n";
        assert!(compared(120, true, run, run).contains("\x1b[1mMain\x1b[0m"));
        assert!(!compared(120, false, run, run).contains('\x1b'));
    }
}
