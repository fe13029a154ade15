//! What the kernel tells of a process whose last thread is about to end.

use nix::unistd::Pid;

use crate::record::account::AtEnd;

/// What a thread has moved by read(2), write(2) and their like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Moved {
    pub(super) read: u64,
    pub(super) written: u64,
}

impl Moved {
    /// By that thread alone. What the kernel tells of a whole process has in it the children that
    /// it has waited for.
    pub(super) fn by(thread: Pid) -> Option<Moved> {
        let io = std::fs::read_to_string(format!("/proc/{thread}/task/{thread}/io")).ok()?;
        Some(Moved {
            read: number(&io, "rchar:")?,
            written: number(&io, "wchar:")?,
        })
    }
}

impl std::ops::AddAssign for Moved {
    fn add_assign(&mut self, other: Moved) {
        self.read += other.read;
        self.written += other.written;
    }
}

/// Of the process of that thread, whose threads have `moved` so much; `None` where the kernel does not tell. Of a process in its
/// parent's memory, that memory is not its own.
pub(super) fn of(thread: Pid, moved: Moved, in_parents_memory: bool) -> Option<AtEnd> {
    // Of a thread's number, these files tell of its whole process, even where its first thread,
    // and with it that one's memory, is gone.
    let read = |file: &str| std::fs::read_to_string(format!("/proc/{thread}/{file}")).ok();
    let status = read("status")?;
    let stat = read("stat")?;
    let descriptors = std::fs::read_dir(format!("/proc/{thread}/fd")).ok()?;
    Some(AtEnd {
        descriptors: descriptors.count().try_into().ok()?,
        written: moved.written,
        read: moved.read,
        private_dirty: if in_parents_memory {
            0
        } else {
            private_dirty(&read("smaps")?)
        },
        // A process in its parent's memory, or of the kernel, has no line of it.
        peak_resident: number(&status, "VmHWM:").unwrap_or(0),
        // Field 10 of proc_pid_stat(5); what follows the name in parentheses begins with field 3.
        faults: stat
            .rsplit_once(')')?
            .1
            .split_ascii_whitespace()
            .nth(7)?
            .parse()
            .ok()?,
    })
}

/// The number after a key at the beginning of a line.
fn number(text: &str, key: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(key))?;
    value.split_ascii_whitespace().next()?.parse().ok()
}

/// KiB of pages, written to and in no other process, of mappings that are not shared. A page of
/// shared memory counts in none, even where one process alone has it mapped.
fn private_dirty(smaps: &str) -> u64 {
    let mut is_private = false;
    let mut kib = 0;
    for line in smaps.lines() {
        let mut words = line.split_ascii_whitespace();
        let (Some(first), Some(second)) = (words.next(), words.next()) else {
            continue;
        };
        if !first.ends_with(':') {
            // `7f0000000000-7f0000001000 rw-p 00000000 00:01 1034 /memfd:name (deleted)`
            is_private = second.ends_with('p');
        } else if is_private && first == "Private_Dirty:" {
            kib += second.parse().unwrap_or(0);
        }
    }
    kib
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_mappings_are_no_private_memory() {
        let smaps = "\
            7f00-7f10 rw-p 00000000 00:00 0 \n\
            Private_Clean:         4 kB\nPrivate_Dirty:        12 kB\n\
            7f10-7f20 rw-s 00000000 00:01 1034                       /memfd:a (deleted)\n\
            Private_Dirty:       400 kB\nVmFlags: rd wr sh\n\
            7f20-7f30 r--p 00000000 fe:00 7                          /usr/lib/libc.so.6\n\
            Private_Dirty:         8 kB\n";
        assert_eq!(private_dirty(smaps), 20);
    }

    #[test]
    fn a_process_that_is_gone_tells_nothing() {
        assert_eq!(of(Pid::from_raw(i32::MAX), Moved::default(), false), None);
        let own = of(Pid::this(), Moved::default(), false).expect("this process");
        assert!(
            own.descriptors >= 3 && own.private_dirty > 0 && own.faults > 0,
            "{own:?}"
        );
    }
}
