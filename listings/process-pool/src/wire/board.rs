//! How far a worker has come with the calls of a frame: numbers that it shares with its parent.
//!
//! Calls that travel together must not wait together. Before each of them the worker raises
//! the number of those that it has begun; the parent can lower the number of those that it
//! may begin to that, at any moment, and so take the others back.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::{MmapOptions, MmapRaw};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::unistd::ftruncate;

use crate::pidfd::above_standard;

/// One word of shared memory. Of its four parts of 16 bits the upper two are the frame's
/// number, then follow how many of its calls have been begun, and how many may be.
#[derive(Debug)]
pub(crate) struct Board(MmapRaw);

/// Calls of one frame.
pub(crate) type Count = u16;

fn word(frame: u32, begun: Count, allowed: Count) -> u64 {
    u64::from(frame) << 32 | u64::from(begun) << 16 | u64::from(allowed)
}

fn parts(word: u64) -> (u32, Count, Count) {
    ((word >> 32) as u32, (word >> 16) as Count, word as Count)
}

impl Board {
    /// A board, and the descriptor by which the other process opens it.
    pub fn new() -> io::Result<(Self, OwnedFd)> {
        let memory = memfd_create(c"board", MFdFlags::MFD_CLOEXEC)?;
        let memory = above_standard(memory)?;
        ftruncate(&memory, size_of::<AtomicU64>() as i64)?;
        Ok((Self::open(&memory)?, memory))
    }

    /// The board of another process.
    pub fn open(memory: &OwnedFd) -> io::Result<Self> {
        let map = MmapOptions::new()
            .len(size_of::<AtomicU64>())
            .map_raw(memory);
        map.map(Self)
    }

    fn word(&self) -> &AtomicU64 {
        // SAFETY: a mapping begins at a page, has these eight bytes for as long as this value
        // lives, and is reached only through this function, in either process.
        unsafe { AtomicU64::from_ptr(self.0.as_mut_ptr().cast()) }
    }

    /// Allows the worker to begin so many calls of its next frame, before that is sent.
    pub fn offer(&self, calls: Count) {
        let (frame, ..) = parts(self.word().load(Ordering::SeqCst));
        let next = word(frame.wrapping_add(1), 0, calls);
        self.word().store(next, Ordering::SeqCst);
    }

    // ANCHOR: begin
    /// Allows it no call behind the first `least` that it has not begun; how many of the
    /// frame it has begun or still may.
    pub fn take_back(&self, least: Count) -> Count {
        let stop = |now| {
            let (frame, begun, allowed) = parts(now);
            Some(word(frame, begun, allowed.min(begun.max(least))))
        };
        let word = self.word();
        let _ = word.fetch_update(Ordering::SeqCst, Ordering::SeqCst, stop);
        // The worker changes only how many it has begun.
        parts(word.load(Ordering::SeqCst)).2
    }

    /// In the worker: whether it may begin the call of this index in this frame. It has then.
    pub fn begin(&self, frame: u32, index: Count) -> bool {
        let next = |now| match parts(now) {
            (of, begun, allowed) if (of, begun) == (frame, index) && begun < allowed => {
                Some(word(frame, begun + 1, allowed))
            }
            _ => None,
        };
        let begun = self
            .word()
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, next);
        begun.is_ok()
    }
    // ANCHOR_END: begin
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_not_been_begun_is_taken_back_and_never_begun() {
        let (parent, memory) = Board::new().expect("a board");
        let worker = Board::open(&memory).expect("the same board");
        parent.offer(3);
        assert!(worker.begin(1, 0));
        assert!(worker.begin(1, 1));
        assert_eq!(parent.take_back(1), 2);
        assert!(!worker.begin(1, 2));
        // The next frame may come before the worker has looked at the last call of this one.
        parent.offer(3);
        assert!(!worker.begin(1, 2));
        assert_eq!(parent.take_back(1), 1);
        assert!(worker.begin(2, 0));
        assert!(!worker.begin(2, 1));
    }

    #[test]
    fn each_call_is_begun_or_taken_back_while_both_processes_hurry() {
        let (parent, memory) = Board::new().expect("a board");
        for frame in 1..=1000 {
            parent.offer(100);
            let worker = Board::open(&memory).expect("the same board");
            let begun = std::thread::spawn(move || {
                let begin = |&index: &Count| worker.begin(frame, index);
                (0..100).take_while(begin).count()
            });
            for _ in 0..frame % 50 {
                std::hint::spin_loop();
            }
            let kept = parent.take_back(1);
            assert_eq!(begun.join().expect("no panic"), usize::from(kept));
        }
    }
}
