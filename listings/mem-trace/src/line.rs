//! One line, one write.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::OnceLock;

use nix::errno::Errno;
use nix::libc::PIPE_BUF;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use owo_colors::{OwoColorize, Stream, Style};

use crate::process::with_identity;

/// Why the first line that was lost in this process was lost.
static FIRST_LOSS: OnceLock<Errno> = OnceLock::new();

/// Tells whether this process's lines were printed: a program's last question.
///
/// # Errors
///
/// What the system said when the first line was lost, as on a full disk.
pub fn check_output() -> io::Result<()> {
    match FIRST_LOSS.get() {
        None => Ok(()),
        Some(&error) => {
            let error = io::Error::from(error);
            Err(io::Error::new(
                error.kind(),
                format!("cannot print: {error}"),
            ))
        }
    }
}

/// Columns of the process's name.
const NAME_COLUMNS: usize = 16;

// ANCHOR: print
/// Prints one message as [`trace!`](crate::trace) describes.
pub fn print(message: fmt::Arguments<'_>) {
    let message = message.to_string();
    with_identity(|identity| {
        let seconds = format!("{:5.2}s", identity.lap().as_secs_f64());
        let prefix = Prefix::new(identity.name(), identity.is_main());
        for write in writes(&prefix, &seconds, &message) {
            match write_whole(io::stdout().as_fd(), write.as_bytes()) {
                Ok(()) => {}
                // Nobody reads any more, as when the reader has seen enough.
                Err(Errno::EPIPE) => return,
                Err(error) => {
                    let _ = FIRST_LOSS.set(error);
                    return;
                }
            }
        }
    });
}
// ANCHOR_END: print

/// What stands before the message, with colour where standard output wants it
/// (a terminal, `FORCE_COLOR`; never with `NO_COLOR`).
struct Prefix {
    name: String,
}

impl Prefix {
    fn new(name: &str, is_main: bool) -> Self {
        let name = if is_main {
            let padded = format!("{name:<NAME_COLUMNS$}");
            styled(&padded, Style::new().bold())
        } else {
            format!("{name:>NAME_COLUMNS$}")
        };
        Self { name }
    }

    fn line(&self, time: &str, message: &str) -> String {
        let time = styled(time, Style::new().green().bold());
        format!("{} [{time}] {message}\n", self.name)
    }
}

fn styled(text: &str, style: Style) -> String {
    text.if_supports_color(Stream::Stdout, |text| text.style(style))
        .to_string()
}

/// The writes of one message: whole lines, each write at most `PIPE_BUF` bytes.
fn writes(prefix: &Prefix, seconds: &str, message: &str) -> Vec<String> {
    let overhead = prefix.line(seconds, "").len();
    let room = PIPE_BUF.saturating_sub(overhead).max(PIPE_BUF / 2);
    let mut writes: Vec<String> = Vec::new();
    let pieces = message.split('\n').flat_map(|line| pieces(line, room));
    for (i, piece) in pieces.enumerate() {
        let line = prefix.line(if i == 0 { seconds } else { "  ... " }, piece);
        match writes.last_mut() {
            Some(last) if last.len() + line.len() <= PIPE_BUF => last.push_str(&line),
            _ => writes.push(line),
        }
    }
    writes
}

/// Cuts `line` into pieces of at most `room` bytes, between characters. An empty
/// line is one empty piece.
fn pieces(line: &str, room: usize) -> Vec<&str> {
    let mut rest = line;
    let mut pieces = Vec::new();
    while rest.len() > room {
        let (piece, after) = rest.split_at(rest.floor_char_boundary(room));
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    pieces
}

/// Writes all of `bytes`. To a pipe that has room, or waits for it, these at most
/// `PIPE_BUF` bytes are one `write(2)` and stay together; the loop is for a file
/// or a terminal that takes less at a time.
fn write_whole(out: BorrowedFd<'_>, mut bytes: &[u8]) -> nix::Result<()> {
    while !bytes.is_empty() {
        match nix::unistd::write(out, bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => {
                let mut wanted = [PollFd::new(out, PollFlags::POLLOUT)];
                match poll(&mut wanted, PollTimeout::NONE) {
                    Ok(_) | Err(Errno::EINTR) => {}
                    Err(error) => return Err(error),
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix() -> Prefix {
        Prefix {
            name: "   ForkProcess-1".to_string(),
        }
    }

    #[test]
    fn a_message_is_one_line_in_one_write() {
        assert_eq!(
            writes(&prefix(), " 1.01s", "Received data"),
            ["   ForkProcess-1 [ 1.01s] Received data\n"]
        );
    }

    #[test]
    fn a_line_break_gives_a_second_line_with_the_same_name_in_the_same_write() {
        assert_eq!(
            writes(&prefix(), " 1.01s", "first\nsecond"),
            ["   ForkProcess-1 [ 1.01s] first\n   ForkProcess-1 [  ... ] second\n"]
        );
    }

    #[test]
    fn a_long_message_becomes_whole_lines_that_each_fit_one_atomic_write() {
        let message = "é".repeat(5000);
        let writes = writes(&prefix(), " 1.01s", &message);
        assert!(writes.len() >= 3, "{}", writes.len());
        let mut joined = String::new();
        for write in &writes {
            assert!(write.len() <= PIPE_BUF, "{}", write.len());
            for line in write.lines() {
                joined.push_str(&line["   ForkProcess-1 [ 1.01s] ".len()..]);
            }
        }
        assert_eq!(joined, message);
    }

    #[test]
    fn beside_a_name_that_fills_a_write_a_message_still_has_half_of_one() {
        let prefix = Prefix {
            name: "n".repeat(PIPE_BUF),
        };
        let message = "m".repeat(PIPE_BUF);
        let writes = writes(&prefix, " 1.01s", &message);
        assert_eq!(writes.len(), 2);
        assert!(writes[0].ends_with(&format!("] {}\n", "m".repeat(PIPE_BUF / 2))));
    }
}
