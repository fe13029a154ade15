//! What the system tells of processes.

use std::fmt;
use std::fs;
use std::io;

use nix::unistd::{Pid, getpid};

/// What is there of a process (proc(5), `/proc/PID/stat`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It runs, or sleeps, or is stopped.
    Alive,
    /// It has ended, and nobody has waited for it.
    Zombie,
    /// It has ended and was waited for.
    Gone,
}

impl fmt::Display for Presence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Alive => "alive",
            Self::Zombie => "a zombie",
            Self::Gone => "gone",
        })
    }
}

impl Presence {
    /// Of the process with this number.
    pub fn of(pid: Pid) -> Self {
        match state_and_parent(&pid.to_string()) {
            Some(('Z' | 'X', _)) => Self::Zombie,
            Some(_) => Self::Alive,
            None => Self::Gone,
        }
    }
}

/// The numbers of this process's children, zombies among them.
///
/// # Errors
///
/// Where `/proc` cannot be read.
pub fn children() -> io::Result<Vec<Pid>> {
    let mut children = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(number) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        if let Some((_, parent)) = state_and_parent(&format!("{number}"))
            && parent == getpid()
        {
            children.push(Pid::from_raw(number));
        }
    }
    Ok(children)
}

/// The third and the fourth field of `/proc/PID/stat`; `None` where there is no such process.
fn state_and_parent(pid: &str) -> Option<(char, Pid)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may have any character in it.
    let mut fields = stat[stat.rfind(')')? + 1..].split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, Pid::from_raw(fields.next()?.parse().ok()?)))
}
