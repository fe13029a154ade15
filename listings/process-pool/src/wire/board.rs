//! What a worker tells of the calls of a frame without a system call: memory that it shares
//! with its parent.
//!
//! Calls that travel together must not wait together. Before each of them the worker raises
//! the number of those that it has begun; the parent can lower the number of those that it
//! may begin to that, at any moment, and so take the others back. And before the worker
//! begins the next, the reply to the last is here, for the parent to take whether the worker
//! still lives or not.

use std::io;
use std::os::fd::OwnedFd;
use std::ptr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use memmap2::{MmapOptions, MmapRaw};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::unistd::ftruncate;

use crate::pidfd::above_standard;

/// Two words, then the replies.
///
/// Of the first word's four parts of 16 bits the upper two are the frame's number, then
/// follow how many of its calls have been begun, and how many may be. The second is the end
/// of the replies. A reply is the index of its call, its length, 4 bytes each, and its bytes.
#[derive(Debug)]
pub(crate) struct Board {
    memory: MmapRaw,
    /// In the parent: where the next reply begins.
    read: AtomicUsize,
}

/// Calls of one frame.
pub(crate) type Count = u16;

/// Where the replies begin, and end at most.
const REPLIES: usize = 2 * size_of::<AtomicU64>();
const SIZE: usize = 64 << 10;
/// Bytes before those of a reply.
const HEAD: usize = 8;
/// Bytes of a reply at most: a larger one goes by the socket.
const SMALL: usize = 1 << 10;

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
        ftruncate(&memory, SIZE as i64)?;
        Ok((Self::open(&memory)?, memory))
    }

    /// The board of another process.
    pub fn open(memory: &OwnedFd) -> io::Result<Self> {
        Ok(Self {
            memory: MmapOptions::new().len(SIZE).map_raw(memory)?,
            read: AtomicUsize::new(REPLIES),
        })
    }

    fn words(&self) -> &[AtomicU64; 2] {
        // SAFETY: a mapping begins at a page, has these bytes for as long as this value
        // lives, and they are reached only through this function, in either process.
        unsafe { &*self.memory.as_mut_ptr().cast() }
    }

    fn word(&self) -> &AtomicU64 {
        &self.words()[0]
    }

    /// Where the replies end.
    fn end(&self) -> &AtomicU64 {
        &self.words()[1]
    }

    /// Allows the worker to begin so many calls of its next frame, before that is sent. It
    /// has replied to those of the last.
    pub fn offer(&self, calls: Count) {
        self.end().store(REPLIES as u64, Ordering::SeqCst);
        self.read.store(REPLIES, Ordering::Relaxed);
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

    /// In the worker: leaves the reply to this call here, where it is small and others of the
    /// frame may follow; else it is to be sent.
    pub fn keep(&self, index: Count, reply: &[u8]) -> bool {
        let (.., allowed) = parts(self.word().load(Ordering::SeqCst));
        let at = self.end().load(Ordering::SeqCst) as usize;
        let end = at.saturating_add(HEAD + reply.len());
        if index + 1 >= allowed || reply.len() > SMALL || end > SIZE {
            return false;
        }
        let head = [u32::from(index), reply.len() as u32];
        // SAFETY: these bytes are within the mapping, and behind the end up to which the
        // parent reads: they are this process's until the end is moved.
        unsafe {
            let start = self.memory.as_mut_ptr().add(at);
            ptr::copy_nonoverlapping(head.as_ptr().cast(), start, HEAD);
            ptr::copy_nonoverlapping(reply.as_ptr(), start.add(HEAD), reply.len());
        }
        self.end().store(end as u64, Ordering::SeqCst);
        true
    }

    /// In the parent: the reply to this call, where the worker has left it here. Each is
    /// taken once.
    pub fn reply(&self, index: Count) -> Option<Vec<u8>> {
        // What a worker writes need not be true: nothing is read beyond the memory.
        let end = (self.end().load(Ordering::SeqCst) as usize).min(SIZE);
        let at = self.read.load(Ordering::Relaxed);
        let bytes = at + HEAD;
        if bytes > end {
            return None;
        }
        let mut head = [0u32; 2];
        // SAFETY: these bytes are within the mapping, and the worker has moved the end behind
        // them, after which it does not write to them.
        let start = unsafe {
            let start = self.memory.as_ptr().add(at);
            ptr::copy_nonoverlapping(start, head.as_mut_ptr().cast(), HEAD);
            start.add(HEAD)
        };
        let [of, len] = head.map(|number| number as usize);
        if of != usize::from(index) || len > end - bytes {
            return None;
        }
        let mut reply = vec![0; len];
        // SAFETY: as above.
        unsafe { ptr::copy_nonoverlapping(start, reply.as_mut_ptr(), len) };
        self.read.store(bytes + len, Ordering::Relaxed);
        Some(reply)
    }
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
    fn a_small_reply_is_taken_once_and_in_its_turn() {
        let (parent, memory) = Board::new().expect("a board");
        let worker = Board::open(&memory).expect("the same board");
        for _ in 0..3 {
            parent.offer(4);
            assert!(worker.keep(0, b"first"));
            assert!(!worker.keep(1, &[0; SMALL + 1]), "too large");
            assert!(worker.keep(2, b""));
            assert!(!worker.keep(3, b"last"), "nothing follows");
            assert_eq!(parent.reply(0).as_deref(), Some(&b"first"[..]));
            assert_eq!(parent.reply(0), None);
            assert_eq!(parent.reply(1), None, "it comes by the socket");
            assert_eq!(parent.reply(2).as_deref(), Some(&b""[..]));
            assert_eq!(parent.reply(3), None);
        }
    }

    #[test]
    fn a_board_that_is_full_keeps_no_more() {
        let (parent, memory) = Board::new().expect("a board");
        let worker = Board::open(&memory).expect("the same board");
        parent.offer(200);
        let kept = (0..199).take_while(|&index| worker.keep(index, &[7; SMALL]));
        let kept = kept.count() as Count;
        assert_eq!(usize::from(kept), (SIZE - REPLIES) / (HEAD + SMALL));
        assert!((0..kept).all(|index| parent.reply(index) == Some(vec![7; SMALL])));
        assert_eq!(parent.reply(kept), None);
    }

    #[test]
    fn a_worker_that_writes_nonsense_has_nothing_read_beyond_the_memory() {
        let (parent, memory) = Board::new().expect("a board");
        let worker = Board::open(&memory).expect("the same board");
        parent.offer(2);
        assert!(worker.keep(0, b"reply"));
        worker.end().store(u64::MAX, Ordering::SeqCst);
        // SAFETY: the length of the reply, within the mapping.
        unsafe {
            let length = worker.memory.as_mut_ptr().add(REPLIES + 4);
            length.cast::<u32>().write(u32::MAX);
        }
        assert_eq!(parent.reply(0), None);
        assert!(!worker.keep(0, b"reply"));
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
