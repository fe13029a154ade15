//! Messages between a service and its worker: four bytes of length, then so many bytes.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::BorrowedFd;

use nix::unistd;

/// Sends a message in one write.
///
/// # Errors
///
/// Those of write(2), and one for more than 4 GiB.
pub fn send(mut to: impl Write, message: &[u8]) -> io::Result<()> {
    let length = u32::try_from(message.len()).map_err(io::Error::other)?;
    to.write_all(&[&length.to_le_bytes(), message].concat())
}

/// Reads a message that has at most `most` bytes; nothing at the end of the stream.
///
/// # Errors
///
/// Those of read(2), a stream that ends within a message, and a length above `most`: no memory
/// has been taken for it by then.
pub fn receive(mut from: impl Read, most: usize) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match from.read(&mut length)? {
        0 => return Ok(None),
        some => fill(&mut from, &mut length[some..])?,
    }
    let length = u32::from_le_bytes(length) as usize;
    if length > most {
        return Err(io::Error::other(format!(
            "{length} bytes are announced, and {most} may come"
        )));
    }
    let mut message = vec![0; length];
    fill(&mut from, &mut message)?;
    Ok(Some(message))
}

fn fill(from: &mut impl Read, bytes: &mut [u8]) -> io::Result<()> {
    from.read_exact(bytes).map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof => io::Error::new(error.kind(), "it ends within a message"),
        _ => error,
    })
}

/// A descriptor, by read(2) and write(2) alone and with no buffer.
#[derive(Debug, Clone, Copy)]
pub struct Descriptor<'a>(pub BorrowedFd<'a>);

impl Read for Descriptor<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        Ok(unistd::read(self.0, bytes)?)
    }
}

impl Write for Descriptor<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(unistd::write(self.0, bytes)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
