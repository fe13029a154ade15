//! What the programs of this listing share: lines that show whether they are whole, and a
//! reader that counts them.

use std::fmt;
use std::io::{self, BufRead};

use serde::{Deserialize, Serialize};

// ANCHOR: lines
/// The lines of one writer. All of them are of its letter, so that a torn one shows.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Lines {
    /// The letter.
    pub letter: u8,
    /// Bytes of a line, its newline included.
    pub bytes: usize,
    /// How many lines there are.
    pub count: usize,
}

impl Lines {
    /// One line, with its newline.
    pub fn line(self) -> Vec<u8> {
        let mut line = vec![self.letter; self.bytes - 1];
        line.push(b'\n');
        line
    }
}
// ANCHOR_END: lines

/// What a reader found between the newlines.
pub struct Tally {
    writers: Vec<(Lines, usize)>,
    torn: usize,
    first_torn: Vec<String>,
}

impl Tally {
    // ANCHOR: tally
    /// Reads to the end, and compares each line with those that were written.
    pub fn of(from: impl BufRead, written: &[Lines]) -> io::Result<Self> {
        let mut tally = Self {
            writers: written.iter().map(|lines| (*lines, 0)).collect(),
            torn: 0,
            first_torn: Vec::new(),
        };
        for line in from.split(b'\n') {
            let line = line?;
            let pieces = pieces(&line);
            let writer = tally
                .writers
                .iter_mut()
                .find(|(lines, _)| line.first() == Some(&lines.letter));
            match writer {
                Some((lines, whole)) if pieces.len() == 1 && line.len() + 1 == lines.bytes => {
                    *whole += 1;
                }
                _ => {
                    tally.torn += 1;
                    if tally.first_torn.is_empty() {
                        tally.first_torn = pieces;
                    }
                }
            }
        }
        Ok(tally)
    }
    // ANCHOR_END: tally

    /// Lines that are as one of the writers wrote them.
    pub fn whole(&self) -> usize {
        self.writers.iter().map(|(_, whole)| whole).sum()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "Found {} lines: ", self.whole() + self.torn)?;
        for (lines, whole) in &self.writers {
            write!(f, "{} {whole} whole, ", char::from(lines.letter))?;
        }
        write!(f, "{} torn", self.torn)?;
        if !self.first_torn.is_empty() {
            let few = self.first_torn.len().min(6);
            write!(f, "\nThe first: {}", self.first_torn[..few].join(", "))?;
            if few < self.first_torn.len() {
                write!(f, ", …")?;
            }
        }
        Ok(())
    }
}

/// How often each letter comes in a row: "100 A".
fn pieces(line: &[u8]) -> Vec<String> {
    let name = |letter| match letter {
        0 => "zero bytes".to_string(),
        letter => char::from(letter).to_string(),
    };
    line.chunk_by(|one, next| one == next)
        .map(|piece| format!("{} {}", piece.len(), name(piece[0])))
        .collect()
}
