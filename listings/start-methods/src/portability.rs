//! Row 4: what exists where. The other systems' column is from their documentation; this
//! system's is tried.

use std::io;

use memmap2::MmapMut;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::utsname::uname;

use crate::children::{forked, spawned};
use crate::cost::NOTHING;
use crate::findings::{Findings, Row};
use crate::security::{Protection, protect};

/// What a chapter of this book uses, and where else there is such a thing.
struct Facility {
    name: &'static str,
    elsewhere: &'static str,
    here: fn() -> io::Result<()>,
}

const FACILITIES: [Facility; 5] = [
    Facility {
        name: "fork",
        elsewhere: "POSIX: Linux, macOS, the BSDs; not Windows",
        here: || forked(String::new).map(drop),
    },
    Facility {
        name: "posix_spawn",
        elsewhere: "POSIX: Linux, macOS, the BSDs; Windows has CreateProcess",
        here: || spawned(NOTHING).map(drop),
    },
    Facility {
        name: "memfd_create",
        elsewhere: "Linux, FreeBSD; POSIX has shm_open, Windows CreateFileMapping",
        here: || {
            let made = memfd_create(c"probe", MFdFlags::MFD_CLOEXEC);
            made.map(drop).map_err(Into::into)
        },
    },
    Facility {
        name: "MADV_DONTFORK",
        elsewhere: "Linux; the BSDs have minherit",
        here: || protect(&mut MmapMut::map_anon(1)?, Protection::DontFork),
    },
    Facility {
        name: "MADV_WIPEONFORK",
        elsewhere: "Linux; the BSDs have minherit",
        here: || protect(&mut MmapMut::map_anon(1)?, Protection::WipeOnFork),
    },
];

/// Tries each of them.
pub fn measure() -> io::Result<Findings> {
    let system = uname()?;
    let here = format!(
        "{} {}",
        system.sysname().to_string_lossy(),
        system.machine().to_string_lossy()
    );
    let mut works = 0;
    let lines = FACILITIES
        .iter()
        .map(|facility| {
            let found = match (facility.here)() {
                Ok(()) => {
                    works += 1;
                    "works".to_owned()
                }
                Err(error) => format!("cannot be had: {error}"),
            };
            format!(
                "{:<16} here ({here}) {found}; elsewhere: {}",
                facility.name, facility.elsewhere
            )
        })
        .collect();
    Ok(Findings {
        lines,
        row: Row {
            about: "Platform support",
            measured: format!("{works} of {} facilities work here", FACILITIES.len()),
        },
    })
}
