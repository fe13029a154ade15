//! Text with ANSI colours, cut into pieces of one style each.
//!
//! Only SGR sequences (ECMA-48, 8.3.117) style text; every other escape sequence is
//! dropped. What a terminal would have overwritten after a carriage return is dropped too.

/// The sixteen colours that SGR 30–37 and 90–97 select, by the name a theme gives them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// SGR 30 and 90: a theme shows it as faint text, since black on dark is unreadable.
    Black,
    /// SGR 31 and 91.
    Red,
    /// SGR 32 and 92.
    Green,
    /// SGR 33 and 93.
    Yellow,
    /// SGR 34 and 94.
    Blue,
    /// SGR 35 and 95.
    Magenta,
    /// SGR 36 and 96.
    Cyan,
    /// SGR 37 and 97: a theme shows it as plain text.
    White,
}

/// How one piece of a line looks.
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
    /// The foreground, where one of the sixteen was chosen.
    pub colour: Option<Colour>,
}

/// A piece of a line in one style; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// How it looks.
    pub style: Style,
    /// What it says, without escape sequences.
    pub text: String,
}

/// Cuts one line into pieces of one style each.
pub fn pieces(line: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut style = Style::default();
    let mut text = String::new();
    let mut chars = line.trim_end_matches(['\r', '\n']).chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\x1b' => match chars.next() {
                Some('[') => {
                    let mut parameters = String::new();
                    // ECMA-48: parameter and intermediate bytes, then one final byte.
                    let last = loop {
                        match chars.next() {
                            Some(c @ '\x20'..='\x3f') => parameters.push(c),
                            last => break last,
                        }
                    };
                    if last == Some('m') {
                        push(&mut pieces, style, &mut text);
                        select(&mut style, &parameters);
                    }
                }
                // An operating system command (a title, a link) ends with BEL or ESC \.
                Some(']') => {
                    while let Some(c) = chars.next() {
                        if c == '\x07' || (c == '\x1b' && chars.next_if_eq(&'\\').is_some()) {
                            break;
                        }
                    }
                }
                _ => {}
            },
            // A carriage return starts the line anew: a progress bar keeps its last state.
            '\r' => {
                text.clear();
                pieces.clear();
            }
            '\t' => text.push('\t'),
            c if c.is_control() => {}
            c => text.push(c),
        }
    }
    push(&mut pieces, style, &mut text);
    pieces
}

fn push(pieces: &mut Vec<Piece>, style: Style, text: &mut String) {
    if text.is_empty() {
        return;
    }
    let text = std::mem::take(text);
    match pieces.last_mut() {
        Some(last) if last.style == style => last.text.push_str(&text),
        _ => pieces.push(Piece { style, text }),
    }
}

fn select(style: &mut Style, parameters: &str) {
    let mut codes = parameters
        .split([';', ':'])
        .map(|code| code.parse::<u16>().unwrap_or(0));
    while let Some(code) = codes.next() {
        match code {
            0 => *style = Style::default(),
            1 => style.bold = true,
            2 => style.dim = true,
            3 => style.italic = true,
            4 => style.underline = true,
            22 => (style.bold, style.dim) = (false, false),
            23 => style.italic = false,
            24 => style.underline = false,
            30..=37 => style.colour = Some(colour(code - 30)),
            90..=97 => style.colour = Some(colour(code - 90)),
            39 => style.colour = None,
            // The 256 colours: the first sixteen are the named ones.
            38 | 48 => match codes.next() {
                Some(5) => {
                    let index = codes.next();
                    if code == 38 {
                        style.colour = index.filter(|i| *i < 16).map(|i| colour(i % 8));
                    }
                }
                Some(2) => {
                    codes.by_ref().take(3).for_each(drop);
                }
                _ => {}
            },
            _ => {}
        }
    }
}

fn colour(index: u16) -> Colour {
    match index {
        0 => Colour::Black,
        1 => Colour::Red,
        2 => Colour::Green,
        3 => Colour::Yellow,
        4 => Colour::Blue,
        5 => Colour::Magenta,
        6 => Colour::Cyan,
        _ => Colour::White,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(line: &str) -> String {
        pieces(line).into_iter().map(|piece| piece.text).collect()
    }

    #[test]
    fn bold_and_green_become_pieces_and_reset_ends_them() {
        let pieces = pieces("\x1b[1mMainProcess\x1b[0m \x1b[32m[ 0.00s]\x1b[39m done");
        let seen: Vec<_> = pieces
            .iter()
            .map(|piece| (piece.style.bold, piece.style.colour, piece.text.as_str()))
            .collect();
        assert_eq!(
            seen,
            [
                (true, None, "MainProcess"),
                (false, None, " "),
                (false, Some(Colour::Green), "[ 0.00s]"),
                (false, None, " done"),
            ]
        );
    }

    #[test]
    fn combined_and_bright_and_indexed_codes_are_understood() {
        let bright = &pieces("\x1b[1;2;3;4;96mx")[0].style;
        assert!(bright.bold && bright.dim && bright.italic && bright.underline);
        assert_eq!(bright.colour, Some(Colour::Cyan));
        assert_eq!(
            pieces("\x1b[38;5;9mx")[0].style.colour,
            Some(Colour::Red),
            "index 9 is bright red"
        );
        assert_eq!(pieces("\x1b[38;2;1;2;3mx")[0].style, Style::default());
        assert_eq!(pieces("\x1b[1m\x1b[mx")[0].style, Style::default());
    }

    #[test]
    fn other_sequences_and_control_characters_are_dropped() {
        assert_eq!(
            plain("\x1b[2Ka\x1b]0;title\x07b\x1b]8;;x\x1b\\c\x08d\r\n"),
            "abcd"
        );
        assert_eq!(plain("\x1b["), "");
        assert_eq!(plain("tab\tstays"), "tab\tstays");
    }

    #[test]
    fn a_carriage_return_leaves_what_was_written_last() {
        assert_eq!(plain("10 %\r50 %\r100 %\r\n"), "100 %");
    }
}
