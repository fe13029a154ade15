/// Pages of new memory, private or shared.
struct Pages {
    name: char,
    start: *mut u8,
    count: usize,
    is_private: bool,
}

impl Pages {
    fn map(name: char, count: usize, sharing: MapFlags) -> Result<Self> {
        let bytes = NonZeroUsize::new(count * page()).ok_or(Errno::EINVAL)?;
        let both = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: the system chooses the addresses, and nothing else is there.
        let start = unsafe { mmap_anonymous(None, bytes, both, sharing)? };
        // SAFETY: the mapping is this one. A huge page would be copied in one piece.
        let _ = unsafe { madvise(start, bytes.get(), MmapAdvise::MADV_NOHUGEPAGE) };
        Ok(Self {
            name,
            start: start.as_ptr().cast(),
            count,
            is_private: sharing.contains(MapFlags::MAP_PRIVATE),
        })
    }

    /// The first byte of a page.
    fn byte(&self, number: usize) -> *mut u8 {
        assert!(number < self.count);
        // SAFETY: the page is one of the mapping's.
        unsafe { self.start.add(number * page()) }
    }

    /// Writes to a page, and says how many page faults that took where it is private.
    fn write(&self, me: usize, number: usize, value: u8) {
        let mut elsewhere = 0;
        let mut took = 0;
        // The first round takes the faults that are not about the page.
        for to in [&raw mut elsewhere, self.byte(number)] {
            let before = faults();
            // SAFETY: the byte is there, and other processes read and write it as one byte.
            unsafe { to.write_volatile(value) };
            took = faults() - before;
        }
        let name = self.name;
        if self.is_private {
            say(me, &format!("{name}[{number}] = {value} (faults: {took})"));
        } else {
            say(me, &format!("{name}[{number}] = {value}"));
        }
    }

    /// Says what is on a page.
    fn read(&self, me: usize, number: usize) {
        // SAFETY: as for a write.
        let value = unsafe { self.byte(number).read_volatile() };
        say(me, &format!("reads {}[{number}]: {value}", self.name));
    }

    /// Says how many of the pages no other process maps (bit 56, proc_pid_pagemap(5)).
    fn own(&self, me: usize) {
        let mut own = 0;
        if let Ok(pagemap) = fs::File::open("/proc/self/pagemap") {
            for number in 0..self.count {
                let mut entry = [0; 8];
                let at = self.byte(number).addr() / page() * 8;
                let _ = pagemap.read_exact_at(&mut entry, at as u64);
                own += u64::from_ne_bytes(entry) >> 56 & 1;
            }
        }
        say(
            me,
            &format!("has {own} of {} pages of {} alone", self.count, self.name),
        );
    }
}

/// Bytes of a page.
fn page() -> usize {
    sysconf(SysconfVar::PAGE_SIZE)
        .ok()
        .flatten()
        .unwrap_or(4096) as usize
}

/// The minor page faults of this process so far.
fn faults() -> i64 {
    getrusage(UsageWho::RUSAGE_SELF).map_or(0, |usage| usage.minor_page_faults())
}
