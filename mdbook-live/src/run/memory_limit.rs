//! Ends a run that has more memory than it may.
//!
//! `RLIMIT_AS` would count what a process reserves and never touches, for each process by itself,
//! and a cgroup has to be allowed. So the run's memory is looked at from outside, as for a record:
//! every page of its processes once, and what they hold of shared memory. The page cache of files
//! does not count: the kernel drops it where memory is short.

use std::time::{Duration, Instant};

use nix::unistd::Pid;

use super::sampler;

/// How long it may pass unseen, but for what a look takes.
pub(super) const PAUSE: Duration = Duration::from_millis(20);

/// The memory that a run may have.
pub(super) struct MemoryLimit {
    bytes: u64,
    looked: Option<Instant>,
}

impl MemoryLimit {
    pub(super) fn of(bytes: u64) -> MemoryLimit {
        MemoryLimit {
            bytes,
            looked: None,
        }
    }

    /// Whether the processes below `root` have more now. Between two looks there is a pause.
    pub(super) fn is_passed(&mut self, root: Pid) -> bool {
        if self.looked.is_some_and(|looked| looked.elapsed() < PAUSE) {
            return false;
        }
        let passes = |kib: u64| kib > self.bytes >> 10;
        // The second walks page tables, and would disturb what the run measures.
        let passed = passes(sampler::most_kib(root)) && passes(sampler::exact_kib(root));
        self.looked = Some(Instant::now());
        passed
    }
}
