//! What a process prints of its memory.

use std::io;

use mem_trace::{MemoryUsage, trace};
use nix::sys::resource::{UsageWho, getrusage};

/// Prints this process's memory, with its page faults since the line before.
pub struct Report {
    faults: i64,
}

impl Report {
    /// Counts from here on. A forked child needs its own: it begins with no faults (fork(2)).
    pub fn new() -> io::Result<Report> {
        Ok(Report { faults: faults()? })
    }

    /// Prints one line.
    pub fn show(&mut self, what: &str) -> io::Result<()> {
        let since = faults()? - self.faults;
        trace!("{what}. {}; faults: {since}", MemoryUsage::now());
        // The look itself has had some.
        self.faults = faults()?;
        Ok(())
    }
}

/// This process's page faults for which no disk was read (getrusage(2), `ru_minflt`).
fn faults() -> io::Result<i64> {
    Ok(getrusage(UsageWho::RUSAGE_SELF)?.minor_page_faults())
}
