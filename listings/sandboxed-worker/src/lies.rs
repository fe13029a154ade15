//! What a worker that has been taken over may answer.

use std::io::Write;
use std::process;

use clap::ValueEnum;

use crate::picture::{self, Picture};
use crate::wire;
use crate::worker::{MOST_OF_A_FILE, socket};

// ANCHOR: lies
/// An answer that is no picture, or not the right one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Lie {
    /// Announces as many bytes as a length can say.
    Length,
    /// Announces as many pixels as a size can say, and sends one.
    Size,
    /// Ends in the middle of its answer.
    Half,
    /// Sends a picture, as it should be, of something else.
    Forge,
    /// Does so from now on, for every stranger that follows.
    Stay,
}
// ANCHOR_END: lies

impl Lie {
    /// Tells it, and ends.
    pub fn tell(self) -> ! {
        // Where the parent has gone away, there is nobody to lie to.
        let _ = match self {
            Self::Length => socket().write_all(&u32::MAX.to_le_bytes()),
            Self::Size => wire::send(socket(), &[255, 255, 255, 255, 0, 0, 0]),
            Self::Half => socket().write_all(&[200, 0, 0, 0, 96, 0, 64, 0]),
            Self::Forge => wire::send(socket(), &forged().to_bytes()),
            Self::Stay => stay(),
        };
        process::exit(0)
    }
}

/// Answers each picture that comes by the same one.
fn stay() -> std::io::Result<()> {
    loop {
        wire::send(socket(), &forged().to_bytes())?;
        if wire::receive(socket(), MOST_OF_A_FILE)?.is_none() {
            return Ok(());
        }
    }
}

/// A white picture of the size that was asked for.
fn forged() -> Picture {
    Picture {
        width: picture::WIDTH,
        height: picture::HEIGHT,
        pixels: vec![[255; 3]; usize::from(picture::WIDTH) * usize::from(picture::HEIGHT)],
    }
}
