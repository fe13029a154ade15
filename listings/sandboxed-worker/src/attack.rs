//! What the stranger does with the worker.
//!
//! An attacker brings this as machine code. It stands here in Rust so that you can read it: the
//! picture says which attempt, and at what.

use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::net::{Ipv4Addr, TcpStream};
use std::num::NonZeroU32;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::PermissionsExt;
use std::sync::OnceLock;
use std::{fmt, process};

use clap::ValueEnum;
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{self, Pid};

use crate::lies::Lie;
use crate::wire;
use crate::worker::socket;

/// How the key that is to be stolen begins; sixteen digits follow.
pub const KEY: &[u8] = b"SECRET-";
const KEY_LENGTH: usize = KEY.len() + 16;

/// A service's key, in the memory of the service, and of what is forked from it.
pub static IN_MEMORY: OnceLock<String> = OnceLock::new();

// ANCHOR: attempts
/// What a stranger tries, with the worker's rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Attempt {
    /// Open the file with the key, and read it.
    Read,
    /// Create a file.
    Write,
    /// Let everybody read the key.
    Chmod,
    /// Connect to a TCP port of this machine.
    Connect,
    /// Execute a shell.
    Exec,
    /// Kill the worker's parent.
    Kill,
    /// Look for the key in the memory of the worker's parent.
    Memory,
    /// Read an open file that the parent left in the worker.
    File,
    /// Write to a connection that the parent left in the worker.
    Socket,
    /// Look for the key in the worker's own memory.
    Own,
}
// ANCHOR_END: attempts

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{self:?}").to_lowercase())
    }
}

/// Does what the instructions say, sends what it got to the worker's parent in place of a
/// picture, and never goes back to the decoder.
pub fn take_over(instructions: &[u8]) -> ! {
    let instructions = String::from_utf8_lossy(instructions);
    let (word, target) = instructions.split_once(' ').unwrap_or((&instructions, ""));
    let report = match Attempt::from_str(word, true) {
        Ok(attempt) => match attempt.make(target) {
            Ok(loot) => format!("done {loot}"),
            Err(error) => format!("refused {}", reason(&error)),
        },
        Err(_) => Lie::from_str(word, true).map_or(word.to_owned(), |lie| lie.tell()),
    };
    let _ = wire::send(socket(), report.as_bytes());
    process::exit(0)
}

/// The kernel's name for an error.
pub fn reason(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => format!("{:?}", Errno::from_raw(number)),
        None => error.to_string(),
    }
}

impl Attempt {
    // ANCHOR: make
    /// Tries it; what was got by it.
    fn make(self, target: &str) -> io::Result<String> {
        match self {
            Self::Read => fs::read_to_string(target),
            Self::Write => fs::write(target, "I was here").map(|()| String::new()),
            Self::Chmod => {
                fs::set_permissions(target, Permissions::from_mode(0o666))?;
                Ok(String::new())
            }
            Self::Connect => {
                TcpStream::connect((Ipv4Addr::LOCALHOST, number(target)?))?;
                Ok(String::new())
            }
            Self::Exec => {
                // The shell answers by the worker's socket, which is its standard input.
                let speak = c"printf '\\010\\0\\0\\0done ran' >&0";
                unistd::execv(c"/bin/sh", &[c"sh", c"-c", speak])?;
                Ok(String::new())
            }
            Self::Kill => {
                // Neither 0 nor a negative number: those are many processes (kill(2)).
                let parent = number::<NonZeroU32>(target)?.get();
                kill(Pid::from_raw(parent as i32), Signal::SIGKILL)?;
                Ok(String::new())
            }
            Self::Memory => key_in_memory_of(target),
            Self::File => {
                let mut bytes = [0; KEY_LENGTH];
                let count = unistd::read(descriptor(target)?, &mut bytes)?;
                Ok(String::from_utf8_lossy(&bytes[..count]).into_owned())
            }
            Self::Socket => {
                unistd::write(descriptor(target)?, b"DROP TABLE payments")?;
                Ok(String::new())
            }
            Self::Own => match IN_MEMORY.get() {
                Some(key) => Ok(key.clone()),
                None => Err(io::Error::other("absent")),
            },
        }
    }
    // ANCHOR_END: make
}

fn number<N: std::str::FromStr>(target: &str) -> io::Result<N> {
    target.parse().map_err(|_| ErrorKind::InvalidInput.into())
}

fn descriptor(target: &str) -> io::Result<BorrowedFd<'static>> {
    let raw = number::<u16>(target)?.into();
    // SAFETY: a number of 16 bits is not -1. Nothing in this process owns the descriptor, so
    // nothing closes it meanwhile; where it is closed already, read(2) and write(2) say so.
    Ok(unsafe { BorrowedFd::borrow_raw(raw) })
}

// ANCHOR: memory
/// Reads through what another process may write to, for the first thing that looks like a key.
fn key_in_memory_of(pid: &str) -> io::Result<String> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps"))?;
    let mut memory = File::open(format!("/proc/{pid}/mem"))?;
    for mapping in maps.lines().filter(|line| line.contains(" rw-p ")) {
        let (range, _) = mapping.split_once(' ').unwrap_or_default();
        let (start, end) = range.split_once('-').unwrap_or_default();
        let address = |text| u64::from_str_radix(text, 16).map_err(io::Error::other);
        let (start, end) = (address(start)?, address(end)?);
        memory.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        let mapping = (&mut memory).take(end - start);
        // What was read before an error counts: not every page can be read.
        let _ = { mapping }.read_to_end(&mut bytes);
        let key = bytes.windows(KEY_LENGTH).find(|bytes| {
            bytes.starts_with(KEY) && bytes[KEY.len()..].iter().all(u8::is_ascii_hexdigit)
        });
        if let Some(key) = key {
            return Ok(String::from_utf8_lossy(key).into_owned());
        }
    }
    Err(io::Error::other("absent"))
}
// ANCHOR_END: memory
