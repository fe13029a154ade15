//! Row 4: what exists where. The other systems' column is from their documentation; this
//! system's is tried.

use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::ptr::NonNull;

use memmap2::{Mmap, MmapMut};
use nix::errno::Errno;
use nix::libc;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::utsname::uname;
use nix::unistd::{getpid, getppid};

use crate::children::{Question, forked, spawned};
use crate::findings::{Findings, Row};
use crate::security::{Protection, found_by_child};

/// Which process has started a child.
pub const PARENT: Question = ("parent", || getppid().to_string());

/// What a chapter of this book uses, and where else there is such a thing.
struct Facility {
    name: &'static str,
    elsewhere: &'static str,
    /// What it did here.
    here: fn() -> io::Result<String>,
}

const FACILITIES: [Facility; 6] = [
    Facility {
        name: "fork",
        elsewhere: "POSIX: Linux, macOS, the BSDs; not Windows",
        here: || forked(PARENT.1).and_then(|parent| own_child(&parent)),
    },
    Facility {
        name: "posix_spawn",
        elsewhere: "POSIX: Linux, macOS, the BSDs; Windows has CreateProcess",
        here: || spawned(PARENT).and_then(|parent| own_child(&parent)),
    },
    Facility {
        name: "memfd_create",
        elsewhere: "Linux, FreeBSD; POSIX has shm_open, Windows CreateFileMapping",
        here: || {
            let mut file = std::fs::File::from(memfd_create(c"probe", MFdFlags::MFD_CLOEXEC)?);
            file.write_all(b"written")?;
            // SAFETY: nobody else has this file, and nothing cuts it while it is mapped.
            let mapped = unsafe { Mmap::map(&file) }?;
            let name = std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))?;
            Ok(format!(
                "{:?} in {}",
                mapped.escape_ascii().to_string(),
                name.display()
            ))
        },
    },
    Facility {
        name: "MADV_DONTFORK",
        elsewhere: "Linux; the BSDs have minherit",
        here: || protects(Protection::DontFork),
    },
    Facility {
        name: "MADV_WIPEONFORK",
        elsewhere: "Linux; the BSDs have minherit",
        here: || protects(Protection::WipeOnFork),
    },
    // A control: this way of asking can say no.
    Facility {
        name: "madvise(-1)",
        elsewhere: "nowhere",
        here: || {
            let mut memory = MmapMut::map_anon(1)?;
            let start = NonNull::from(&mut memory[..]).cast().as_ptr();
            // SAFETY: the range is this mapping's own, and no system knows such advice.
            let advised = unsafe { libc::madvise(start, memory.len(), -1) };
            Errno::result(advised)?;
            Ok("advice taken".to_owned())
        },
    },
];

fn own_child(parent: &str) -> io::Result<String> {
    if parent.trim() == getpid().to_string() {
        Ok("a child of this process".to_owned())
    } else {
        Err(io::Error::other("a process, and no child of this one"))
    }
}

fn protects(protection: Protection) -> io::Result<String> {
    let found = found_by_child(Some(protection))?;
    Ok(format!("a secret of the parent is {found} in the child"))
}

/// Tries each of them.
pub fn measure() -> io::Result<Findings> {
    let system = uname()?;
    let mut lines = vec![format!(
        "Here is {} {}.",
        system.sysname().to_string_lossy(),
        system.machine().to_string_lossy()
    )];
    let mut absent = Vec::new();
    for facility in &FACILITIES {
        let found = match (facility.here)() {
            Ok(found) => format!("works ({found})"),
            Err(error) => {
                absent.push(facility.name);
                format!("does not ({error})")
            }
        };
        lines.push(format!("{:<16} here {found}", facility.name));
    }
    lines.push("By their documentation, elsewhere:".to_owned());
    for facility in &FACILITIES {
        lines.push(format!("{:<16} {}", facility.name, facility.elsewhere));
    }
    Ok(Findings {
        lines,
        row: Row {
            about: "Platform support",
            measured: format!(
                "{} of {} work here; not {}",
                FACILITIES.len() - absent.len(),
                FACILITIES.len(),
                absent.join(", ")
            ),
        },
    })
}
