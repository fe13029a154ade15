//! Memory that is touched page by page.

use std::ffi::c_void;
use std::hint::black_box;
use std::io;
use std::num::NonZeroUsize;
use std::ptr::NonNull;
use std::slice;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous};

/// The smallest page of any Linux: a byte in each of these touches every page.
pub const PAGE: usize = 4096;

/// Reads a byte of each page: their sum.
pub fn read(data: &[u8]) -> usize {
    let bytes = data.iter().step_by(PAGE);
    bytes.map(|byte| usize::from(black_box(*byte))).sum()
}

/// Writes a byte to each page.
pub fn write(data: &mut [u8]) {
    for byte in data.iter_mut().step_by(PAGE) {
        *byte = black_box(1);
    }
}

/// New memory of `bytes` bytes, all zero, which forked children share. It is there until
/// the last process that has it ends.
pub fn shared(bytes: NonZeroUsize) -> io::Result<&'static [AtomicU8]> {
    let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    // SAFETY: a new mapping at a place of the system's choice touches no other memory.
    let mapping: NonNull<c_void> =
        unsafe { mmap_anonymous(None, bytes, protection, MapFlags::MAP_SHARED) }?;
    // SAFETY: the mapping has this length and is never unmapped; zero is an `AtomicU8`,
    // and other processes write to it by atomics alone.
    Ok(unsafe { slice::from_raw_parts(mapping.cast().as_ptr(), bytes.get()) })
}

/// Reads a byte of each page of shared memory.
pub fn read_shared(data: &[AtomicU8]) {
    for byte in data.iter().step_by(PAGE) {
        black_box(byte.load(Relaxed));
    }
}

/// Writes a byte to each page of shared memory.
pub fn write_shared(data: &[AtomicU8]) {
    for byte in data.iter().step_by(PAGE) {
        byte.store(1, Relaxed);
    }
}
