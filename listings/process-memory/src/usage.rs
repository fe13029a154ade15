//! What the system counts of a mapping, and what it takes to touch one.

use std::fmt;
use std::fs;
use std::io;
use std::iter::Sum;

use nix::sys::resource::{UsageWho, getrusage};
use nix::unistd::Pid;

/// What the system counts of one mapping of one process, in bytes (proc(5), `smaps`).
#[derive(Debug, Default, Clone, Copy)]
pub struct Usage {
    /// Pages that have a frame in the process's page table (`Rss`).
    pub resident: u64,
    /// The same, each divided by the number of page table entries that lead to its frame, of
    /// all processes (`Pss`).
    pub proportional: u64,
    /// Pages that are written and on no disk, and to whose frame no other page table entry
    /// leads (`Private_Dirty`).
    pub private_dirty: u64,
    /// Pages whose frame belongs to no file (`Anonymous`).
    pub anonymous: u64,
}

impl Usage {
    /// Of the mapping of `process` that begins where `memory` does.
    ///
    /// # Errors
    ///
    /// Where the process, or its mapping, is not there.
    pub fn of(process: Pid, memory: &[u8]) -> io::Result<Self> {
        let file = format!("/proc/{process}/smaps");
        let smaps = fs::read_to_string(&file)
            .map_err(|error| io::Error::new(error.kind(), format!("{file}: {error}")))?;
        let begin = format!("{:08x}-", memory.as_ptr().addr());
        let mapping = smaps.lines().skip_while(|line| !line.starts_with(&begin));
        let bytes = |field: &str| {
            let rest = mapping.clone().find_map(|line| line.strip_prefix(field));
            let kib = rest.and_then(kib).ok_or_else(|| {
                io::Error::other(format!("{file}: no `{field}` of a mapping at {begin}"))
            })?;
            Ok::<_, io::Error>(kib << 10)
        };
        Ok(Self {
            resident: bytes("Rss:")?,
            proportional: bytes("Pss:")?,
            private_dirty: bytes("Private_Dirty:")?,
            anonymous: bytes("Anonymous:")?,
        })
    }
}

/// Added up over mappings or processes: the shares make sense then, the other two may count a
/// frame more than once.
impl Sum for Usage {
    fn sum<I: Iterator<Item = Self>>(usages: I) -> Self {
        usages.fold(Self::default(), |sum, usage| Self {
            resident: sum.resident + usage.resident,
            proportional: sum.proportional + usage.proportional,
            private_dirty: sum.private_dirty + usage.private_dirty,
            anonymous: sum.anonymous + usage.anonymous,
        })
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "resident {:>3} MiB, PSS {:>2} MiB, private dirty {:>2} MiB",
            mib(self.resident),
            mib(self.proportional),
            mib(self.private_dirty)
        )
    }
}

/// Bytes as mebibytes, to the nearest.
pub fn mib(bytes: u64) -> u64 {
    (bytes + (1 << 19)) >> 20
}

/// What a step took of this process.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// Page faults for which no disk was read (getrusage(2), `ru_minflt`).
    pub faults: i64,
    /// New page table, in KiB (proc(5), `VmPTE`).
    pub page_table_kib: i64,
}

impl Cost {
    /// Takes the step: what it returns, and what it took.
    ///
    /// # Errors
    ///
    /// Where the system does not tell.
    pub fn of<T>(step: impl FnOnce() -> T) -> io::Result<(T, Self)> {
        let table = page_table_kib()?;
        let faults = faults()?;
        let returned = step();
        let cost = Self {
            faults: self::faults()? - faults,
            page_table_kib: page_table_kib()? - table,
        };
        Ok((returned, cost))
    }
}

fn faults() -> io::Result<i64> {
    Ok(getrusage(UsageWho::RUSAGE_SELF)?.minor_page_faults())
}

fn page_table_kib() -> io::Result<i64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let size = status.lines().find_map(|line| line.strip_prefix("VmPTE:"));
    let kib = size.and_then(kib).and_then(|kib| kib.try_into().ok());
    kib.ok_or_else(|| io::Error::other("/proc/self/status: no `VmPTE`"))
}

/// The number in the rest of a line such as `Rss:     460 kB`.
fn kib(rest: &str) -> Option<u64> {
    rest.trim().strip_suffix(" kB")?.parse().ok()
}
