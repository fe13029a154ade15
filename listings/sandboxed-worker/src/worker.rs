//! The worker: closes its sandbox, then decodes what comes.

use std::error::Error;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::OnceLock;
use std::{fs, io, process};

use crate::picture;
use crate::sandbox::Layer;
use crate::wire::{self, Descriptor};

/// Bytes of a stranger's file at most.
pub const MOST_OF_A_FILE: usize = 1 << 20;

/// The worker's end of the socket to its parent: its standard input.
pub fn socket() -> Descriptor<'static> {
    static INPUT: OnceLock<io::Stdin> = OnceLock::new();
    Descriptor(INPUT.get_or_init(io::stdin).as_fd())
}

// ANCHOR: work
/// Closes the sandbox, says so, and only then reads its first byte; decodes until the end of
/// its input. `palette_of` finds the palette of a name.
pub fn work(
    close: impl FnOnce() -> Result<(), Box<dyn Error>>,
    palette_of: impl Fn(&str) -> io::Result<Vec<u8>>,
) -> ! {
    let ended = match close() {
        Ok(()) => decode(palette_of),
        // A worker that cannot be closed does no work.
        Err(why) => wire::send(socket(), why.to_string().as_bytes()),
    };
    process::exit(i32::from(ended.is_err()))
}
// ANCHOR_END: work

fn decode(palette_of: impl Fn(&str) -> io::Result<Vec<u8>>) -> io::Result<()> {
    wire::send(socket(), b"closed")?;
    while let Some(file) = wire::receive(socket(), MOST_OF_A_FILE)? {
        let answer = match picture::decode(&file, &palette_of) {
            Ok(picture) => picture.to_bytes(),
            Err(fault) => fault.to_string().into_bytes(),
        };
        wire::send(socket(), &answer)?;
    }
    Ok(())
}

/// A worker with these layers, and the palettes of this folder.
pub fn in_layers(layers: &[Layer], palettes: &Path) -> ! {
    work(
        || layers.iter().try_for_each(|layer| layer.close(palettes)),
        |name| fs::read(palettes.join(name)),
    )
}
