//! The memory of a run's process tree over time, sampled from outside.

use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;

use crate::record::memory::MemorySample;
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
        let seconds = crate::run::runner::seconds_since(start);
        let mut tree = Vec::new();
        let mut held = SharedMemory::default();
        for pid in proc::tree(root) {
            let next = ordinals.len();
            let ordinal = *ordinals.entry(pid).or_insert(next);
            if let Some(process) = sample(pid, ordinal, seconds) {
                held.add(pid, tree.len());
                tree.push(process);
            }
        }
        held.charge(&mut tree);
        samples.append(&mut tree);
        let taken = processor_time().saturating_sub(begun);
        let pause = SHORTEST_PAUSE.max(taken * PAUSE_PER_SAMPLE);
        if ends.recv_timeout(pause) == Err(RecvTimeoutError::Disconnected) {
            return samples;
        }
    }
}

/// What this thread has had of a processor; zero where the system does not tell.
fn processor_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

/// The shared memory that the processes of one sample hold open.
#[derive(Default)]
struct SharedMemory {
    /// KiB of each file, by device and inode, with the first process that has it.
    files: HashMap<(u64, u64), (u64, usize)>,
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
            // A memfd is shown as `/memfd:name (deleted)`: memfd_create(2).
            let target = target.as_os_str().as_bytes();
            if !target.starts_with(b"/memfd:") && !target.starts_with(b"/dev/shm/") {
                continue;
            }
            if let Ok(file) = std::fs::metadata(&path) {
                // `st_blocks` counts 512 bytes each: inode(7).
                let kib = file.blocks() / 2;
                self.files
                    .entry((file.dev(), file.ino()))
                    .or_insert((kib, at));
            }
        }
    }

    /// Charges what is in no process's PSS to the first that holds it.
    fn charge(&self, tree: &mut [MemorySample]) {
        let mut mapped: u64 = tree.iter().map(|process| process.shmem_kib).sum();
        for (kib, holder) in self.files.values() {
            let of_this = mapped.min(*kib);
            mapped -= of_this;
            tree[*holder].unmapped_kib += kib - of_this;
        }
    }
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

    #[test]
    fn shared_memory_that_nobody_maps_is_counted_for_its_first_holder() {
        use std::io::Write;
        let memory = nix::sys::memfd::memfd_create(c"test", nix::sys::memfd::MFdFlags::MFD_CLOEXEC);
        let mut memory = std::fs::File::from(memory.expect("a memfd"));
        memory.write_all(&[1; 1 << 20]).expect("room for it");
        let mut held = SharedMemory::default();
        held.add(Pid::this(), 0);
        held.add(Pid::this(), 1);
        let process = sample(Pid::this(), 0, 0.0).expect("this process");
        let mut tree = [process.clone(), process];
        held.charge(&mut tree);
        assert_eq!(tree[1].unmapped_kib, 0, "it is there once");
        assert!(tree[0].unmapped_kib >= 1024, "{tree:?}");

        // As much of it as somebody maps is in the PSS already.
        let all = tree[0].unmapped_kib;
        tree[0].unmapped_kib = 0;
        tree[0].shmem_kib = 700;
        held.charge(&mut tree);
        assert_eq!(
            tree[0].unmapped_kib,
            all - 700 - tree[1].shmem_kib.min(all - 700)
        );
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
