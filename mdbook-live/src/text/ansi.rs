//! The one place that reads escape sequences: a printed line becomes text and styles.
//!
//! The grammar (ECMA-48) is `anstyle-parse`'s; what is kept of it is here. Only SGR sequences
//! (ECMA-48, 8.3.117) style text; every other sequence and control string is dropped, and so
//! is what a terminal would have overwritten after a carriage return.

use std::ops::Range;

use anstyle_parse::{Params, Parser, Perform};

/// A colour as SGR selects it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// One of the 256: 0 to 7 are SGR 30–37, 8 to 15 their bright forms, SGR 90–97.
    Indexed(u8),
    /// Red, green and blue.
    Rgb(u8, u8, u8),
}

/// How a part of a line looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    /// SGR 1.
    pub bold: bool,
    /// SGR 2.
    pub dim: bool,
    /// SGR 3.
    pub italic: bool,
    /// SGR 4.
    pub underline: bool,
    /// The foreground, where one was chosen.
    pub colour: Option<Colour>,
}

/// A part of a text in one style.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// How it looks.
    pub style: Style,
    /// Its bytes in the text; never empty.
    pub range: Range<usize>,
}

/// A line as it reads, and how it looks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Styled {
    /// The text without escape sequences.
    pub text: String,
    /// Every byte of it in one span, in order; neighbours differ in style.
    pub spans: Vec<Span>,
}

/// Reads one line, without its end.
pub fn parse(line: &str) -> Styled {
    // Most lines have nothing to interpret.
    if !line.contains(|c: char| c.is_control() || is_bidi_control(c)) {
        let mut styled = Styled::default();
        styled.push_str(line, Style::default());
        return styled;
    }
    let mut parser = Parser::<anstyle_parse::Utf8Parser>::default();
    let mut screen = Screen::default();
    for c in line.chars() {
        match c {
            // The 8-bit controls: each is ESC and a letter in one (ECMA-48, 5.3).
            '\u{80}'..='\u{9f}' => {
                let letter = u8::try_from(u32::from(c) - 0x40).unwrap_or(b'\\');
                parser.advance(&mut screen, 0x1b);
                parser.advance(&mut screen, letter);
            }
            c => {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    parser.advance(&mut screen, byte);
                }
            }
        }
    }
    screen.styled
}

impl Styled {
    /// The parts, each with its style.
    pub fn parts(&self) -> impl Iterator<Item = (Style, &str)> {
        let spans = self.spans.iter();
        spans.map(|span| (span.style, &self.text[span.range.clone()]))
    }

    fn push_str(&mut self, text: &str, style: Style) {
        let start = self.text.len();
        self.text.push_str(text);
        let range = start..self.text.len();
        match self.spans.last_mut() {
            _ if range.is_empty() => {}
            Some(last) if last.style == style => last.range.end = range.end,
            _ => self.spans.push(Span { style, range }),
        }
    }
}

/// What a terminal would show of one line.
#[derive(Default)]
struct Screen {
    styled: Styled,
    style: Style,
}

impl Perform for Screen {
    fn print(&mut self, c: char) {
        if is_bidi_control(c) {
            // It would reorder the text around it: shown by its number instead.
            let named = format!("<U+{:04X}>", u32::from(c));
            self.styled.push_str(&named, self.style);
        } else if c != '\u{7f}' {
            self.styled.push_str(c.encode_utf8(&mut [0; 4]), self.style);
        }
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            // A carriage return starts the line anew: a progress bar keeps its last state.
            b'\r' => self.styled = Styled::default(),
            b'\t' => self.styled.push_str("\t", self.style),
            _ => {}
        }
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], ignore: bool, action: u8) {
        if action == b'm' && intermediates.is_empty() && !ignore {
            select(&mut self.style, params);
        }
    }
}

/// The characters that change the direction of the text around them (UAX #9, 2).
fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Applies a Select Graphic Rendition. Parameters are separated by `;`, and each may have
/// parts separated by `:` (ITU-T T.416, 13.1.8).
fn select(style: &mut Style, params: &Params) {
    let mut params = params.iter();
    while let Some(param) = params.next() {
        let (code, parts) = param.split_first().map_or((0, &[][..]), |(c, p)| (*c, p));
        match code {
            0 => *style = Style::default(),
            1 => style.bold = true,
            2 => style.dim = true,
            3 => style.italic = true,
            // `4:0` is none; `4:3` is a curly one.
            4 => style.underline = parts.first() != Some(&0),
            21 => style.underline = true,
            22 => (style.bold, style.dim) = (false, false),
            23 => style.italic = false,
            24 => style.underline = false,
            30..=37 => style.colour = indexed(code - 30),
            90..=97 => style.colour = indexed(code - 90 + 8),
            39 => style.colour = None,
            // A colour of the text, its background or its underline; all take the same form.
            38 | 48 | 58 => {
                let colour = match parts {
                    // `38;5;N` and `38;2;R;G;B`: the parts are parameters of their own.
                    [] => {
                        let mut next = || params.next().and_then(|param| param.first().copied());
                        match next() {
                            Some(5) => next().and_then(indexed),
                            Some(2) => match (next(), next(), next()) {
                                (Some(r), Some(g), Some(b)) => rgb(r, g, b),
                                _ => None,
                            },
                            _ => None,
                        }
                    }
                    [5, index, ..] => indexed(*index),
                    // `38:2::R:G:B` has a colour space before the colour; `38:2:R:G:B` has none.
                    [2, _, r, g, b, ..] => rgb(*r, *g, *b),
                    [2, r, g, b] => rgb(*r, *g, *b),
                    _ => None,
                };
                if code == 38 {
                    style.colour = colour;
                }
            }
            _ => {}
        }
    }
}

fn indexed(index: u16) -> Option<Colour> {
    u8::try_from(index).ok().map(Colour::Indexed)
}

fn rgb(red: u16, green: u16, blue: u16) -> Option<Colour> {
    let byte = |value: u16| u8::try_from(value).ok();
    Some(Colour::Rgb(byte(red)?, byte(green)?, byte(blue)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(line: &str) -> String {
        parse(line).text
    }

    fn style(line: &str) -> Style {
        let styled = parse(line);
        styled.spans.last().expect("some text").style
    }

    fn colour(line: &str) -> Option<Colour> {
        style(line).colour
    }

    #[test]
    fn bold_and_green_become_spans_and_reset_ends_them() {
        let styled = parse("\x1b[1mMain\x1b[0m \x1b[32m[ 0.00s]\x1b[39m done");
        let seen: Vec<_> = styled
            .parts()
            .map(|(style, text)| (style.bold, style.colour, text))
            .collect();
        assert_eq!(
            seen,
            [
                (true, None, "Main"),
                (false, None, " "),
                (false, Some(Colour::Indexed(2)), "[ 0.00s]"),
                (false, None, " done"),
            ]
        );
    }

    #[test]
    fn combined_and_bright_and_indexed_codes_are_understood() {
        let bright = style("\x1b[1;2;3;4;96mx");
        assert!(bright.bold && bright.dim && bright.italic && bright.underline);
        assert_eq!(bright.colour, Some(Colour::Indexed(14)));
        assert_eq!(colour("\x1b[38;5;9mx"), Some(Colour::Indexed(9)));
        assert_eq!(colour("\x1b[38;2;1;2;3mx"), Some(Colour::Rgb(1, 2, 3)));
        assert_eq!(style("\x1b[1m\x1b[mx"), Style::default());
    }

    #[test]
    fn parts_of_a_parameter_are_not_parameters_of_their_own() {
        // A curly underline is not an italic one.
        let curly = style("\x1b[4:3mx");
        assert!(curly.underline && !curly.italic);
        assert!(!style("\x1b[4m\x1b[4:0mx").underline);
        // An empty colour space is no component of the colour.
        assert_eq!(colour("\x1b[38:2::10:20:1mx"), Some(Colour::Rgb(10, 20, 1)));
        assert!(!style("\x1b[38:2::10:20:1mx").bold);
        assert_eq!(colour("\x1b[38:5:4mx"), Some(Colour::Indexed(4)));
        // The colour of an underline, and a background, are not the text's.
        assert_eq!(style("\x1b[58;2;1;4;31mx"), Style::default());
        assert_eq!(style("\x1b[58:2::1:4:31mx"), Style::default());
        assert_eq!(style("\x1b[48;5;1mx"), Style::default());
        // A new colour takes the place of an earlier one.
        assert_eq!(
            colour("\x1b[31m\x1b[38;2;1;2;3mx"),
            Some(Colour::Rgb(1, 2, 3))
        );
    }

    #[test]
    fn other_sequences_and_control_characters_are_dropped() {
        assert_eq!(
            plain("\x1b[2Ka\x1b]0;title\x07b\x1b]8;;x\x1b\\c\x08d\r"),
            ""
        );
        assert_eq!(
            plain("\x1b[2Ka\x1b]0;title\x07b\x1b]8;;x\x1b\\c\x08d"),
            "abcd"
        );
        assert_eq!(plain("\x1b["), "");
        assert_eq!(plain("tab\tstays"), "tab\tstays");
    }

    #[test]
    fn character_sets_and_control_strings_leave_nothing() {
        // What `tput sgr0` sends.
        assert_eq!(plain("\x1b[1mfoo \x1b(B\x1b[m bar"), "foo  bar");
        for begin in ["\x1bP", "\x1b_", "\x1b^", "\x1bX", "\u{90}", "\u{9f}"] {
            assert_eq!(plain(&format!("a{begin}string\x1b\\b")), "ab", "{begin:?}");
        }
        assert_eq!(colour("\u{9b}31mx"), Some(Colour::Indexed(1)));
        assert_eq!(plain("open \x1b]0;for ever"), "open ");
    }

    #[test]
    fn a_change_of_direction_is_shown_and_not_made() {
        assert_eq!(plain("a\u{202e}b\u{2069}"), "a<U+202E>b<U+2069>");
    }

    #[test]
    fn a_carriage_return_leaves_what_was_written_last() {
        assert_eq!(plain("10 %\r50 %\r100 %"), "100 %");
    }

    #[test]
    fn every_byte_is_in_one_span_whatever_is_printed() {
        for line in ["", "ä\x1b[1mö", "\x1b[31m\x1b[32mx\r\x1b[0my\u{202e}"] {
            let styled = parse(line);
            let joined: String = styled.parts().map(|(_, text)| text).collect();
            assert_eq!(joined, styled.text);
        }
    }
}
