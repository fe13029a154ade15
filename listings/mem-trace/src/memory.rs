//! The two views of a process's memory: the allocator's and the system's.

use std::fmt;
use std::fs;

use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
use nix::unistd::{SysconfVar, sysconf};
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use crate::allocator::CountingAllocator;

/// How much memory this process uses, as its allocator and as the system see it.
///
/// All sizes are in bytes. Sources: [`CountingAllocator`];
/// `/proc/self/smaps_rollup` (proc_pid_smaps(5)), and sysinfo for the resident size
/// where there is no such file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryUsage {
    /// What the allocator has handed out and not yet taken back.
    pub allocated: usize,
    /// The most that [`allocated`](Self::allocated) ever was. A forked child
    /// inherits its parent's.
    pub allocated_peak: usize,
    /// Resident pages, each divided by the number of processes that map it (PSS).
    /// Added up over processes, it counts no page twice.
    pub proportional: Option<u64>,
    /// Resident pages that no other process has in its page tables (private) and that
    /// have been written to, by whichever process (dirty).
    pub private_dirty: Option<u64>,
    /// Resident pages, shared ones counted in full (RSS).
    pub resident: Option<u64>,
}

impl MemoryUsage {
    // ANCHOR: now
    /// Reads the allocator's view and the system's now. A figure that this system does
    /// not give is `None`.
    pub fn now() -> Self {
        let (allocated, allocated_peak) = CountingAllocator::counts();
        let rollup = fs::read_to_string("/proc/self/smaps_rollup").unwrap_or_default();
        Self {
            allocated,
            allocated_peak,
            proportional: rollup_bytes(&rollup, "Pss:"),
            private_dirty: rollup_bytes(&rollup, "Private_Dirty:"),
            resident: rollup_bytes(&rollup, "Rss:").or_else(resident),
        }
    }
    // ANCHOR_END: now
}

impl fmt::Display for MemoryUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Memory usage: {} MB; peak: {} MB",
            mebibytes(self.allocated as u64),
            mebibytes(self.allocated_peak as u64)
        )?;
        let system = [
            ("PSS", self.proportional),
            ("private dirty", self.private_dirty),
            ("resident", self.resident),
        ];
        let mut separator = "; ";
        for (what, bytes) in system {
            if let Some(bytes) = bytes {
                write!(f, "{separator}{what} {} MB", mebibytes(bytes))?;
                separator = ", ";
            }
        }
        Ok(())
    }
}

/// Whole mebibytes, rounded down: the notes' `MB`.
pub fn mebibytes(bytes: u64) -> u64 {
    bytes >> 20
}

/// Bytes that a new program could use without swapping: what the system calls
/// available, or what is left of the control group's limit where that is less.
/// `None` where the system does not tell.
pub fn available_memory() -> Option<u64> {
    let mut system = System::new().ok()?;
    system.refresh_memory();
    Some(match system.cgroup_limits() {
        Some(limits) => system.available_memory().min(limits.free_memory),
        None => system.available_memory(),
    })
}

/// Bytes that this process may still map (getrlimit(2), `RLIMIT_AS`). `None` where it has no
/// such limit.
pub fn available_address_space() -> Option<u64> {
    let (limit, _) = getrlimit(Resource::RLIMIT_AS).ok()?;
    let used = used_address_space()?;
    (limit != RLIM_INFINITY).then(|| limit.saturating_sub(used))
}

/// Bytes that this process maps, whether it has touched them or not (proc(5), `statm`).
/// `None` where the system does not tell.
pub fn used_address_space() -> Option<u64> {
    let statm = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split(' ').next()?.parse().ok()?;
    let page = sysconf(SysconfVar::PAGE_SIZE).ok()??;
    Some(pages * page as u64)
}

/// Bytes of this process's private memory that huge pages hold (proc(5), `AnonHugePages`).
/// `None` where the system does not tell.
pub fn in_huge_pages() -> Option<u64> {
    let rollup = fs::read_to_string("/proc/self/smaps_rollup").ok()?;
    rollup_bytes(&rollup, "AnonHugePages:")
}

/// For systems without `smaps_rollup`.
fn resident() -> Option<u64> {
    let pid = Pid::from_u32(std::process::id());
    let mut system = System::new().ok()?;
    system.refresh_processes_specifics(
        ProcessesToUpdate::Some(&[pid]),
        false,
        ProcessRefreshKind::nothing().with_memory().without_tasks(),
    );
    Some(system.process(pid)?.memory())
}

/// The field `name` of `smaps_rollup`, which counts in kB of 1024 bytes.
fn rollup_bytes(rollup: &str, name: &str) -> Option<u64> {
    let line = rollup.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLLUP: &str = "Rss:               23240 kB\nPss:               12102 kB\n\
                          Pss_Dirty:          1240 kB\nPrivate_Dirty:      1236 kB\n";

    #[test]
    fn a_field_of_the_rollup_is_found_by_its_whole_name() {
        assert_eq!(rollup_bytes(ROLLUP, "Pss:"), Some(12102 * 1024));
        assert_eq!(rollup_bytes(ROLLUP, "Private_Dirty:"), Some(1236 * 1024));
        assert_eq!(rollup_bytes(ROLLUP, "Swap:"), None);
    }

    #[test]
    fn sysinfo_and_the_rollup_agree_on_the_resident_size() {
        let rollup = MemoryUsage::now().resident.expect("there is a rollup here");
        let sysinfo = resident().expect("sysinfo knows this system");
        // Both count in batches for each thread, and this process goes on meanwhile.
        assert!(
            rollup.abs_diff(sysinfo) < 100 << 20,
            "{rollup} and {sysinfo}"
        );
    }

    #[test]
    fn the_display_names_every_view_and_leaves_out_what_the_system_does_not_tell() {
        let usage = MemoryUsage {
            allocated: 4577 << 20,
            allocated_peak: 14305 << 20,
            proportional: Some(12 << 20),
            private_dirty: None,
            resident: Some(15 << 20),
        };
        assert_eq!(
            usage.to_string(),
            "Memory usage: 4577 MB; peak: 14305 MB; PSS 12 MB, resident 15 MB"
        );
    }

    #[test]
    fn mebibytes_are_whole_and_rounded_down() {
        assert_eq!(
            [0, (1 << 20) - 1, 1 << 20, 5 << 20].map(mebibytes),
            [0, 0, 1, 5]
        );
    }

    #[test]
    fn available_is_a_part_of_what_the_machine_has() {
        let available = available_memory().expect("this system tells");
        let info = fs::read_to_string("/proc/meminfo").expect("there is one here");
        let total = rollup_bytes(&info, "MemTotal:").expect("a total");
        assert!(
            (1 << 20..total).contains(&available),
            "{available} of {total}"
        );
    }

    #[test]
    fn memory_that_is_written_is_private_dirty_and_resident() {
        let before = MemoryUsage::now();
        let data = vec![1u8; 64 << 20];
        let after = MemoryUsage::now();
        let grown = after.private_dirty.unwrap() - before.private_dirty.unwrap();
        assert!(grown >= 60 << 20, "{grown} of {}", data.len());
        assert!(after.resident.unwrap() > before.resident.unwrap());
    }
}
