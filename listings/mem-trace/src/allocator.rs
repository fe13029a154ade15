//! What the allocator handed out, counted as it does so.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

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
        // SAFETY: `pointer` came from `System` with this layout.
        unsafe { System.dealloc(pointer, layout) };
        shrink(layout.size());
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: `pointer` came from `System` with this layout.
        let moved = unsafe { System.realloc(pointer, layout, new_size) };
        if !moved.is_null() {
            if new_size >= layout.size() {
                grow(new_size - layout.size());
            } else {
                shrink(layout.size() - new_size);
            }
        }
        moved
    }
}
