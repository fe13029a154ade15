//! What the allocator handed out, counted as it does so.

#[cfg(not(test))]
use std::alloc::System;
use std::alloc::{GlobalAlloc, Layout};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

#[cfg(test)]
use tests::CountsAtFree as System;

static CURRENT: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator, with a count of the bytes that it has handed out.
///
/// It counts what the program asked for: not what the system gave (a page is
/// only given when it is first touched), and nothing that bypasses the allocator,
/// such as a mapped file or shared memory. The counters lie in ordinary memory,
/// so a forked child inherits their values, as it does those of Python's
/// `tracemalloc`; a spawned one begins at zero.
///
/// ```
/// #[global_allocator]
/// static ALLOCATOR: mem_trace::CountingAllocator = mem_trace::CountingAllocator;
///
/// let before = mem_trace::MemoryUsage::now().allocated;
/// let data = vec![1u8; 1 << 20];
/// assert!(mem_trace::MemoryUsage::now().allocated >= before + data.len());
/// ```
pub struct CountingAllocator;

impl CountingAllocator {
    /// Bytes now handed out, and the most that ever were. Both zero in a program
    /// whose global allocator is another.
    pub(crate) fn counts() -> (usize, usize) {
        (CURRENT.load(Relaxed), PEAK.load(Relaxed))
    }
}

// ANCHOR: count
fn grow(bytes: usize) {
    let current = CURRENT.fetch_add(bytes, Relaxed) + bytes;
    // Read first: a peak is passed seldom, and a load does not take the cache
    // line away from other threads.
    if current > PEAK.load(Relaxed) {
        PEAK.fetch_max(current, Relaxed);
    }
}

fn shrink(bytes: usize) {
    CURRENT.fetch_sub(bytes, Relaxed);
}
// ANCHOR_END: count

// SAFETY: every call goes to `System` unchanged and returns what it returned;
// the counters neither allocate nor unwind.
unsafe impl GlobalAlloc for CountingAllocator {
    // ANCHOR: alloc
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's obligations are `System`'s.
        let pointer = unsafe { System.alloc(layout) };
        if !pointer.is_null() {
            grow(layout.size());
        }
        pointer
    }
    // ANCHOR_END: alloc

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's obligations are `System`'s.
        let pointer = unsafe { System.alloc_zeroed(layout) };
        if !pointer.is_null() {
            grow(layout.size());
        }
        pointer
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // First the count: another thread may be handed the same bytes at once, and
        // counted twice they could make a peak that never was.
        shrink(layout.size());
        // SAFETY: `pointer` came from `System` with this layout.
        unsafe { System.dealloc(pointer, layout) };
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // As in `dealloc`: what goes back is taken off first.
        let given_back = layout.size().saturating_sub(new_size);
        shrink(given_back);
        // SAFETY: `pointer` came from `System` with this layout.
        let moved = unsafe { System.realloc(pointer, layout, new_size) };
        if moved.is_null() {
            // The old allocation is still there, in full.
            CURRENT.fetch_add(given_back, Relaxed);
        } else {
            grow(new_size.saturating_sub(layout.size()));
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use std::alloc::System;

    use super::*;

    /// What the count was when the system last got memory back.
    static AT_FREE: AtomicUsize = AtomicUsize::new(usize::MAX);

    /// The system's allocator, which notes the count when it gets memory back.
    pub(super) struct CountsAtFree;

    // SAFETY: every call goes to `System` unchanged and returns what it returned.
    unsafe impl GlobalAlloc for CountsAtFree {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            // SAFETY: the caller's obligations are `System`'s.
            unsafe { System.alloc(layout) }
        }

        unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
            AT_FREE.store(CURRENT.load(Relaxed), Relaxed);
            // SAFETY: the caller's obligations are `System`'s.
            unsafe { System.dealloc(pointer, layout) }
        }

        unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
            AT_FREE.store(CURRENT.load(Relaxed), Relaxed);
            // SAFETY: the caller's obligations are `System`'s.
            unsafe { System.realloc(pointer, layout, new_size) }
        }
    }

    // The counts are those of this one test: its binary has the system's allocator.
    #[test]
    fn bytes_are_no_longer_counted_when_the_system_can_hand_them_out_again() {
        let [large, small] = [1000, 400].map(|size| Layout::from_size_align(size, 8).unwrap());
        // SAFETY: the layouts are not empty; each pointer is used with its own layout
        // and not after its end.
        unsafe {
            let pointer = CountingAllocator.alloc(large);
            assert_eq!(CountingAllocator::counts(), (1000, 1000));
            let pointer = CountingAllocator.realloc(pointer, large, 400);
            assert_eq!(AT_FREE.load(Relaxed), 400);
            assert_eq!(CountingAllocator::counts(), (400, 1000));
            let pointer = CountingAllocator.realloc(pointer, small, 1000);
            assert_eq!(CountingAllocator::counts(), (1000, 1000));
            CountingAllocator.dealloc(pointer, large);
            assert_eq!(AT_FREE.load(Relaxed), 0);
            assert_eq!(CountingAllocator::counts(), (0, 1000));
            let zeros = CountingAllocator.alloc_zeroed(small);
            assert_eq!(CountingAllocator::counts(), (400, 1000));
            // Nobody has so much, and what there is stays.
            let none = CountingAllocator.realloc(zeros, small, isize::MAX as usize - 7);
            assert!(none.is_null());
            assert_eq!(CountingAllocator::counts(), (400, 1000));
            CountingAllocator.dealloc(zeros, small);
            assert_eq!(CountingAllocator::counts(), (0, 1000));
        }
    }
}
