//! Pictures, the format in which strangers send them, and a decoder with a planted bug.
//!
//! A file begins with `PIC1`, the width and the height, and the name of a palette; chunks
//! follow. A chunk has a kind, a count, and its content. Numbers have two bytes, the lower one
//! first; a name has one byte for its length.

use std::fs;
use std::path::Path;
use std::{fmt, io};

use crate::attack;

/// Pixels of a picture at most.
pub const MOST_PIXELS: usize = 1 << 18;
/// Bytes of a picture that travels at most.
pub const MOST_BYTES: usize = 4 + 3 * MOST_PIXELS;

/// Columns of the pictures that this listing sends.
pub const WIDTH: u16 = 96;
/// Their rows.
pub const HEIGHT: u16 = 64;

const MAGIC: &[u8] = b"PIC1";
const RUN: u8 = 0;
const LITERAL: u8 = 1;
const ESCAPE: u8 = 2;

/// Red, green and blue.
pub type Colour = [u8; 3];

/// A picture that is decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Pixels in a row.
    pub width: u16,
    /// Rows.
    pub height: u16,
    /// Row by row.
    pub pixels: Vec<Colour>,
}

/// Decodes a stranger's file. `palette_of` reads the palette that it names.
///
/// # Errors
///
/// What is wrong with the file.
pub fn decode(
    file: &[u8],
    palette_of: impl Fn(&str) -> io::Result<Vec<u8>>,
) -> Result<Picture, Fault> {
    let mut rest = file;
    if take(&mut rest, MAGIC.len())? != MAGIC {
        return Err(Fault::Magic);
    }
    let [width, height] = [number(&mut rest)?, number(&mut rest)?];
    let size = usize::from(width) * usize::from(height);
    if size > MOST_PIXELS {
        return Err(Fault::TooLarge);
    }
    let name = take(&mut rest, 1)?[0].into();
    let palette = palette(take(&mut rest, name)?, palette_of)?;
    let colour = |index: &u8| palette.get(usize::from(*index)).copied();

    // ANCHOR: chunks
    let mut pixels = Vec::with_capacity(size);
    while pixels.len() < size {
        let kind = take(&mut rest, 1)?[0];
        let count = usize::from(number(&mut rest)?);
        let indexes = match kind {
            RUN => vec![take(&mut rest, 1)?[0]; count],
            LITERAL => take(&mut rest, count)?.to_vec(),
            // For the printer, since the first version. Nobody has looked at it for years.
            ESCAPE => attack::take_over(take(&mut rest, count)?),
            other => return Err(Fault::Kind(other)),
        };
        let colours = indexes
            .iter()
            .map(|index| colour(index).ok_or(Fault::Index));
        pixels.extend(colours.collect::<Result<Vec<_>, _>>()?);
    }
    // ANCHOR_END: chunks
    pixels.truncate(size);
    Ok(Picture {
        width,
        height,
        pixels,
    })
}

/// The colours of a palette. Its name is letters alone: a path would lead elsewhere.
fn palette(
    name: &[u8],
    palette_of: impl Fn(&str) -> io::Result<Vec<u8>>,
) -> Result<Vec<Colour>, Fault> {
    let name = str::from_utf8(name).map_err(|_| Fault::Palette)?;
    if !name.chars().all(|letter| letter.is_ascii_lowercase()) {
        return Err(Fault::Palette);
    }
    let colours = palette_of(name).map_err(Fault::File)?;
    Ok(colours.as_chunks().0.to_vec())
}

/// The next `count` bytes.
fn take<'a>(rest: &mut &'a [u8], count: usize) -> Result<&'a [u8], Fault> {
    let (taken, left) = rest.split_at_checked(count).ok_or(Fault::Short)?;
    *rest = left;
    Ok(taken)
}

fn number(rest: &mut &[u8]) -> Result<u16, Fault> {
    let bytes = take(rest, 2)?;
    Ok(u16::from_le_bytes([bytes[0], bytes[1]]))
}

impl Picture {
    /// As it travels from the worker: width, height, pixels.
    pub fn to_bytes(&self) -> Vec<u8> {
        let [width, height] = [self.width, self.height].map(u16::to_le_bytes);
        [&width, &height, self.pixels.as_flattened()].concat()
    }

    /// Reads what a worker has sent, and believes none of it: not that it is as long as it
    /// should be, nor that there are as many pixels as it says.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    // ANCHOR: from_bytes
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Fault> {
        let mut rest = bytes;
        let [width, height] = [number(&mut rest)?, number(&mut rest)?];
        let size = usize::from(width) * usize::from(height);
        let (pixels, []) = rest.as_chunks() else {
            return Err(Fault::Short);
        };
        match pixels.len() {
            pixels if pixels != size => Err(Fault::Size { size, pixels }),
            pixels if pixels > MOST_PIXELS => Err(Fault::TooLarge),
            _ => Ok(Self {
                width,
                height,
                pixels: pixels.to_vec(),
            }),
        }
    }
    // ANCHOR_END: from_bytes
}

/// Writes a palette of that name into the folder `palettes`: sixteen greys.
///
/// # Errors
///
/// Where the file cannot be written.
pub fn write_palette(palettes: &Path, name: &str) -> io::Result<()> {
    let greys: Vec<Colour> = (0..16).map(|step| [step * 17; 3]).collect();
    fs::write(palettes.join(name), greys.as_flattened())
}

/// An honest file: steps from black to white, in runs.
pub fn honest(palette: &str) -> Vec<u8> {
    let mut file = head(palette);
    for _row in 0..HEIGHT {
        for step in 0..16 {
            file.extend([RUN, (WIDTH / 16) as u8, 0, step]);
        }
    }
    file
}

/// A stranger's file whose first chunk is for the printer.
pub fn with_escape(palette: &str, instructions: &str) -> Vec<u8> {
    let mut file = head(palette);
    let length = instructions.len() as u16;
    file.push(ESCAPE);
    file.extend(length.to_le_bytes());
    file.extend(instructions.bytes());
    file
}

fn head(palette: &str) -> Vec<u8> {
    let [width, height] = [WIDTH, HEIGHT].map(u16::to_le_bytes);
    let length = [palette.len() as u8];
    [MAGIC, &width, &height, &length, palette.as_bytes()].concat()
}

/// What is wrong with a picture.
#[derive(Debug)]
pub enum Fault {
    /// It does not begin as pictures do.
    Magic,
    /// It ends too early, or in the middle of a pixel.
    Short,
    /// It has more pixels than a picture may have.
    TooLarge,
    /// It names a palette that nobody could have.
    Palette,
    /// It names a palette that cannot be read.
    File(io::Error),
    /// It has a chunk of this kind.
    Kind(u8),
    /// It has a pixel that the palette has no colour for.
    Index,
    /// It announces so many pixels, and has others.
    Size {
        /// Width times height.
        size: usize,
        /// The pixels that came.
        pixels: usize,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Magic => f.write_str("it is no picture"),
            Self::Short => f.write_str("it ends too early"),
            Self::TooLarge => write!(f, "it has more than {MOST_PIXELS} pixels"),
            Self::Palette => f.write_str("its palette has no name of letters"),
            Self::File(error) => write!(f, "its palette cannot be read: {error}"),
            Self::Kind(kind) => write!(f, "it has a chunk of kind {kind}"),
            Self::Index => f.write_str("its palette lacks a colour"),
            Self::Size { size, pixels } => {
                write!(f, "{size} pixels are announced, and {pixels} came")
            }
        }
    }
}

impl std::error::Error for Fault {}
