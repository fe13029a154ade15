//! The memory of a run's process tree over time, sampled from outside.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;

use crate::record::memory::{MemorySample, TreeMemory};
use crate::run::clock::seconds_since;
use crate::run::proc;

/// The shortest pause between two samples.
const SHORTEST_PAUSE: Duration = Duration::from_millis(20);

/// A pause is at least this many times what the sample before it took of a
/// processor: reading `smaps_rollup` walks the page tables of the process that is
/// measured, and must not become what is measured. Waiting for a processor that the
/// run keeps busy does not count, or the busiest moments would go unseen.
const PAUSE_PER_SAMPLE: u32 = 4;

/// Samples a process tree until it is stopped.
pub struct Sampler {
    /// Dropped to end the thread.
    going_on: Sender<()>,
    thread: JoinHandle<Vec<MemorySample>>,
}

impl Sampler {
    /// Begins with a sample at once. Times count from `start`.
    pub fn start(root: Pid, start: Instant) -> Result<Sampler> {
        let (going_on, ends) = channel();
        let thread = std::thread::Builder::new()
            .name("memory sampler".into())
            .spawn(move || sample_until(&ends, root, start))
            .context("cannot start the memory sampler's thread")?;
        Ok(Sampler { going_on, thread })
    }

    /// Ends the sampling; the samples in order of time.
    pub fn stop(self) -> Result<Vec<MemorySample>> {
        drop(self.going_on);
        self.thread
            .join()
            .map_err(|_| anyhow::anyhow!("the memory sampler panicked"))
    }
}

fn sample_until(ends: &Receiver<()>, root: Pid, start: Instant) -> Vec<MemorySample> {
    let mut samples = Vec::new();
    let mut ordinals = HashMap::new();
    loop {
        let begun = processor_time();
        samples.append(&mut sample_tree(root, seconds_since(start), &mut ordinals));
        let taken = processor_time().saturating_sub(begun);
        let pause = SHORTEST_PAUSE.max(taken * PAUSE_PER_SAMPLE);
        if ends.recv_timeout(pause) == Err(RecvTimeoutError::Disconnected) {
            return samples;
        }
    }
}

/// The processes of a tree now.
fn sample_tree(root: Pid, seconds: f64, ordinals: &mut HashMap<Pid, usize>) -> Vec<MemorySample> {
    let mut tree = Vec::new();
    let mut held = SharedMemory::default();
    let mut sampled = Vec::new();
    for pid in proc::tree(root) {
        let next = ordinals.len();
        let ordinal = *ordinals.entry(pid).or_insert(next);
        if let Some(process) = sample(pid, ordinal, seconds) {
            held.add(pid, tree.len());
            tree.push(process);
            sampled.push(pid);
        }
    }
    for pid in sampled {
        held.find_mapped(pid);
    }
    held.charge(&mut tree);
    tree
}

/// What the processes of a tree have now, in KiB: every page once, but for the page cache of
/// files, which the kernel can drop.
pub(super) fn exact_kib(root: Pid) -> u64 {
    let tree = sample_tree(root, 0.0, &mut HashMap::new());
    TreeMemory::over_time(&tree)
        .map(|tree| tree.anon_kib + tree.shmem_kib)
        .sum()
}

/// What they have at most, in KiB, without a walk of their page tables: what several share counts
/// for each of them, and shared memory once more.
pub(super) fn most_kib(root: Pid) -> u64 {
    let mut held = SharedMemory::default();
    let mut kib = 0;
    for (at, pid) in proc::tree(root).into_iter().enumerate() {
        held.add(pid, at);
        kib += proc::resident_kib(pid).unwrap_or(0);
    }
    kib + held.files.values().map(|file| file.kib).sum::<u64>()
}

/// What this thread has had of a processor; zero where the system does not tell.
fn processor_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

/// The shared memory that the processes of one sample hold open.
#[derive(Default)]
struct SharedMemory {
    /// By device and inode, in this order: of several mapped files the same come first each time.
    files: BTreeMap<(u64, u64), SharedFile>,
    /// KiB of shared memory in the processes' PSS that belongs to no file: mapped with
    /// `MAP_SHARED | MAP_ANONYMOUS`.
    anonymous_kib: u64,
}

/// A file of shared memory.
struct SharedFile {
    kib: u64,
    /// The first process that holds it open, by its place in the sample.
    holder: usize,
    /// Its bytes that a process of the sample maps; they may overlap.
    mapped: Vec<Range<u64>>,
}

/// Whether a path in `/proc` is of shared memory with a file of its own. A memfd is shown as
/// `/memfd:name (deleted)`: memfd_create(2).
fn is_shared_file(path: &[u8]) -> bool {
    path.starts_with(b"/memfd:") || path.starts_with(b"/dev/shm/")
}

impl SharedMemory {
    /// Adds what the process `pid`, the one numbered `at`, holds open. A process that
    /// vanishes meanwhile holds nothing.
    fn add(&mut self, pid: Pid, at: usize) {
        let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd"));
        for descriptor in descriptors.into_iter().flatten().flatten() {
            let path = descriptor.path();
            let Ok(target) = std::fs::read_link(&path) else {
                continue;
            };
            if !is_shared_file(target.as_os_str().as_bytes()) {
                continue;
            }
            if let Ok(file) = std::fs::metadata(&path) {
                let id = (file.dev(), file.ino());
                self.files.entry(id).or_insert(SharedFile {
                    // `st_blocks` counts 512 bytes each: inode(7).
                    kib: file.blocks() / 2,
                    holder: at,
                    mapped: Vec::new(),
                });
            }
        }
    }

    /// Notes what the process `pid` maps of the files. Called when all have been added.
    fn find_mapped(&mut self, pid: Pid) {
        let maps = std::fs::read(format!("/proc/{pid}/maps")).unwrap_or_default();
        let mut has_anonymous = false;
        for mapping in maps.split(|byte| *byte == b'\n').filter_map(Mapping::parse) {
            if is_shared_file(mapping.path)
                && let Some(file) = self.files.get_mut(&(mapping.device, mapping.inode))
            {
                file.mapped.push(mapping.bytes.clone());
            }
            has_anonymous |= mapping.is_anonymous_and_shared();
        }
        // Its walk of the page tables costs what a whole sample does: only where it is needed.
        if has_anonymous {
            self.anonymous_kib += anonymous_shared_kib(pid);
        }
    }

    /// Charges what is in no process's PSS to the first that holds it.
    ///
    /// The PSS does not say of which file it is. Of a mapped one it has at most what is mapped
    /// and at most what the file holds; memory whose descriptors are closed is in it, too.
    fn charge(&self, tree: &mut [MemorySample]) {
        let in_pss: u64 = tree.iter().map(|process| process.shmem_kib).sum();
        let mut mapped = in_pss.saturating_sub(self.anonymous_kib);
        for file in self.files.values() {
            let of_this = mapped.min(file.kib).min(covered(&file.mapped) >> 10);
            mapped -= of_this;
            tree[file.holder].unmapped_kib += file.kib - of_this;
        }
    }
}

/// How many numbers are in one range at least.
fn covered(ranges: &[Range<u64>]) -> u64 {
    let mut ranges = ranges.to_vec();
    ranges.sort_by_key(|range| range.start);
    let mut end = 0;
    let mut covered = 0;
    for range in ranges {
        covered += range.end.saturating_sub(range.start.max(end));
        end = end.max(range.end);
    }
    covered
}

/// What matters of a line of `/proc/PID/maps` (proc_pid_maps(5)).
struct Mapping<'a> {
    is_shared: bool,
    /// Which of the file's bytes.
    bytes: Range<u64>,
    device: u64,
    inode: u64,
    path: &'a [u8],
}

impl Mapping<'_> {
    fn parse(line: &[u8]) -> Option<Mapping<'_>> {
        // `7f0000000000-7f0000001000 rw-s 00000000 00:01 1034 /memfd:name (deleted)`
        let mut fields = line.splitn(6, |byte| *byte == b' ');
        let number = |digits: &str| u64::from_str_radix(digits, 16).ok();
        let addresses = std::str::from_utf8(fields.next()?).ok()?;
        let (first, end) = addresses.split_once('-')?;
        let length = number(end)?.checked_sub(number(first)?)?;
        let permissions = fields.next()?;
        let offset = number(std::str::from_utf8(fields.next()?).ok()?)?;
        let device = std::str::from_utf8(fields.next()?).ok()?;
        let (major, minor) = device.split_once(':')?;
        let inode = std::str::from_utf8(fields.next()?).ok()?;
        Some(Mapping {
            is_shared: permissions.ends_with(b"s"),
            bytes: offset..offset.checked_add(length)?,
            device: nix::sys::stat::makedev(number(major)?, number(minor)?),
            inode: inode.parse().ok()?,
            path: fields.next().unwrap_or_default().trim_ascii_start(),
        })
    }

    /// The kernel shows such memory as a file that has been deleted.
    fn is_anonymous_and_shared(&self) -> bool {
        self.is_shared && self.path.starts_with(b"/dev/zero")
    }
}

/// The part of a process's PSS that is shared memory without a file of its own.
fn anonymous_shared_kib(pid: Pid) -> u64 {
    let smaps = std::fs::read_to_string(format!("/proc/{pid}/smaps")).unwrap_or_default();
    let mut counts = false;
    let mut kib = 0;
    for line in smaps.lines() {
        if let Some(pss) = line.strip_prefix("Pss:") {
            let pss = pss
                .trim()
                .strip_suffix(" kB")
                .and_then(|pss| pss.parse().ok());
            kib += if counts { pss.unwrap_or(0) } else { 0 };
        } else if let Some(mapping) = Mapping::parse(line.as_bytes()) {
            counts = mapping.is_anonymous_and_shared();
        }
    }
    kib
}

/// One process now; `None` when it vanishes meanwhile or is a zombie.
fn sample(pid: Pid, ordinal: usize, seconds: f64) -> Option<MemorySample> {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let kib = |key: &str| -> Option<u64> {
        let value = rollup.lines().find_map(|line| line.strip_prefix(key))?;
        value.trim().strip_suffix(" kB")?.parse().ok()
    };
    Some(MemorySample {
        seconds,
        // A process names itself as it likes; the table's cells have no commas.
        process: proc::name(pid)?.replace(|c: char| c == ',' || c.is_control(), "_"),
        ordinal,
        pss_kib: kib("Pss:")?,
        anon_kib: kib("Pss_Anon:")?,
        file_kib: kib("Pss_File:")?,
        shmem_kib: kib("Pss_Shmem:")?,
        private_dirty_kib: kib("Private_Dirty:")?,
        unmapped_kib: 0,
    })
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write;
    use std::num::NonZeroUsize;
    use std::ptr::NonNull;

    use nix::sys::memfd::{MFdFlags, memfd_create};
    use nix::sys::mman::{MapFlags, ProtFlags, mmap, mmap_anonymous, munmap};

    use super::*;

    #[test]
    fn the_first_sample_is_taken_at_once_and_has_the_parts_of_the_pss() {
        let sampler = Sampler::start(Pid::this(), Instant::now()).expect("a thread");
        let samples = sampler.stop().expect("it ends");
        let own = samples.first().expect("one sample at least");
        assert_eq!(own.ordinal, 0);
        assert!(own.pss_kib > 0 && own.anon_kib > 0 && own.private_dirty_kib > 0);
        let parts = own.anon_kib + own.file_kib + own.shmem_kib;
        // The kernel rounds each of them to KiB.
        assert!(own.pss_kib.abs_diff(parts) <= 3, "{own:?}");
    }

    const SIZE: NonZeroUsize = NonZeroUsize::new(16 << 20).expect("above 0");

    const ONE_MIB: usize = 1 << 20;

    #[test]
    fn what_two_mappings_have_in_common_counts_once() {
        assert_eq!(covered(&[]), 0);
        assert_eq!(covered(&[10..20, 0..5]), 15);
        assert_eq!(covered(&[0..10, 5..20, 6..8]), 20);
    }

    fn memfd() -> File {
        let memory = memfd_create(c"test", MFdFlags::MFD_CLOEXEC).expect("a memfd");
        let mut memory = File::from(memory);
        memory.write_all(&vec![1; SIZE.get()]).expect("room for it");
        memory
    }

    /// Memory that every process after a fork shares, all of it written to.
    fn shared(file: Option<&File>) -> NonNull<std::ffi::c_void> {
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: without an address of its own, a new mapping takes the place of none.
        let memory = unsafe {
            match file {
                Some(file) => mmap(None, SIZE, access, MapFlags::MAP_SHARED, file, 0),
                None => mmap_anonymous(None, SIZE, access, MapFlags::MAP_SHARED),
            }
        };
        let memory = memory.expect("room for it");
        // SAFETY: the mapping has that many bytes, and nobody else knows it.
        unsafe { memory.write_bytes(1, SIZE.get()) };
        memory
    }

    /// What is charged to this process as shared memory that nobody maps, in MiB.
    fn unmapped_mib() -> u64 {
        let mut held = SharedMemory::default();
        held.add(Pid::this(), 0);
        // The second holder of the same files.
        held.add(Pid::this(), 1);
        held.find_mapped(Pid::this());
        let own = sample(Pid::this(), 0, 0.0).expect("this process");
        let other = MemorySample {
            shmem_kib: 0,
            ..own.clone()
        };
        let mut tree = [own, other];
        held.charge(&mut tree);
        assert_eq!(tree[1].unmapped_kib, 0, "it is there once");
        tree[0].unmapped_kib >> 10
    }

    #[test]
    fn shared_memory_that_nobody_maps_is_counted_whatever_else_is_mapped() {
        let held = memfd();
        assert_eq!(unmapped_mib(), 16);
        // It is in the PSS, and is not what the file holds.
        let anonymous = shared(None);
        assert_eq!(unmapped_mib(), 16);
        let other = memfd();
        assert_eq!(unmapped_mib(), 32);
        // What is mapped of a file is in the PSS already.
        let mapped = shared(Some(&other));
        assert_eq!(unmapped_mib(), 16);
        // Of a file with a small part mapped, the rest is in no PSS, whatever else of it is of
        // memory whose descriptor is closed.
        let part = ONE_MIB;
        // SAFETY: the pages are of the mapping above, to which nothing refers.
        unsafe { munmap(mapped.byte_add(part), SIZE.get() - part) }.expect("it is mapped");
        let closed = shared(Some(&memfd()));
        assert_eq!(unmapped_mib(), 31);
        for (memory, size) in [
            (anonymous, SIZE.get()),
            (mapped, part),
            (closed, SIZE.get()),
        ] {
            // SAFETY: it was mapped above, that much of it is left, and nothing refers to it.
            unsafe { munmap(memory, size) }.expect("it is mapped");
        }
        assert_eq!(unmapped_mib(), 32);
        drop(held);
    }

    #[test]
    fn a_process_that_is_gone_is_left_out() {
        let mut child = std::process::Command::new("true")
            .spawn()
            .expect("true starts");
        let pid = Pid::from_raw(child.id().cast_signed());
        child.wait().expect("it can be reaped");
        assert_eq!(sample(pid, 0, 0.0), None);
    }
}
