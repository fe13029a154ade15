//! Large memory for bytes that are about to be read from somewhere.

use std::io;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::NonNull;

use nix::errno::Errno;
use nix::libc;
use nix::sys::mman::{MmapAdvise, madvise};
use nix::unistd::{SysconfVar, sysconf};

/// Bytes from a descriptor, in memory aligned for records of 64-bit fields.
///
/// The memory comes from the global allocator, so a counting one counts it. It is
/// not zeroed before it is read into, and large buffers ask for huge pages
/// (madvise(2), `MADV_HUGEPAGE`), as NumPy's arrays do: each page is touched for
/// the first time by the read itself, and a fork copies 512 times fewer entries.
#[derive(Debug)]
pub struct Buffer {
    words: Vec<u64>,
    len: usize,
}

/// From this size on huge pages are asked for, in bytes: two of them.
const HUGE_FROM: usize = 4 << 20;

impl Buffer {
    /// Reads exactly `len` bytes from `source`.
    ///
    /// # Errors
    ///
    /// `UnexpectedEof` when the source ends before, `OutOfMemory` when there is no
    /// room for `len` bytes, else what read(2) says.
    pub fn read_from(source: BorrowedFd<'_>, len: usize) -> io::Result<Self> {
        Self::read_when(|| Ok(()), &[], source, len)
    }

    /// The same where the `first` of the bytes are here already, with a call of `ready`
    /// before each read(2), which it may forbid.
    ///
    /// # Panics
    ///
    /// If `first` is longer than `len`.
    pub(crate) fn read_when(
        ready: impl Fn() -> io::Result<()>,
        first: &[u8],
        source: BorrowedFd<'_>,
        len: usize,
    ) -> io::Result<Self> {
        let mut words: Vec<u64> = Vec::new();
        words
            .try_reserve_exact(len.div_ceil(mem::size_of::<u64>()))
            .map_err(|_| io::ErrorKind::OutOfMemory)?;
        if len >= HUGE_FROM {
            ask_for_huge_pages(&mut words);
        }
        assert!(first.len() <= len);
        let start: *mut u8 = words.as_mut_ptr().cast();
        // SAFETY: `start` has room for `len` bytes, and is this function's alone.
        unsafe { start.copy_from_nonoverlapping(first.as_ptr(), first.len()) };
        let mut filled = first.len();
        while filled < len {
            ready()?;
            // SAFETY: `start` has room for `len` bytes, of which `filled` are
            // behind; read(2) writes at most the rest. Raw because the memory
            // is not initialised before.
            let n =
                unsafe { libc::read(source.as_raw_fd(), start.add(filled).cast(), len - filled) };
            match Errno::result(n) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => filled += n as usize,
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        // The last word may be filled in part: its other bytes must have a value.
        let padding = len.next_multiple_of(mem::size_of::<u64>()) - len;
        // SAFETY: `len + padding` bytes are reserved, `len` of them initialised
        // above and the rest here.
        unsafe {
            start.add(len).write_bytes(0, padding);
            words.set_len(len.div_ceil(mem::size_of::<u64>()));
        }
        Ok(Self { words, len })
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.words)[..self.len]
    }
}

/// A wish only: a kernel without huge pages gives small ones.
fn ask_for_huge_pages(words: &mut Vec<u64>) {
    let Ok(Some(page)) = sysconf(SysconfVar::PAGE_SIZE) else {
        return;
    };
    let spare = words.spare_capacity_mut();
    let page = page as usize;
    let bytes = mem::size_of_val(spare);
    let start: *mut u8 = spare.as_mut_ptr().cast();
    let skip = start.align_offset(page);
    let len = bytes.saturating_sub(skip) / page * page;
    if let Some(address) = NonNull::new(start.wrapping_add(skip).cast())
        && len > 0
    {
        // SAFETY: the range lies within the vector's own allocation, and
        // MADV_HUGEPAGE changes nothing that a program can read.
        let _ = unsafe { madvise(address, len, MmapAdvise::MADV_HUGEPAGE) };
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};
    use std::os::fd::AsFd;

    use super::*;

    fn file_of(bytes: &[u8]) -> std::fs::File {
        let fd = nix::sys::memfd::memfd_create(c"test", nix::sys::memfd::MFdFlags::MFD_CLOEXEC)
            .expect("memfd");
        let mut file = std::fs::File::from(fd);
        file.write_all(bytes).expect("write");
        file.rewind().expect("rewind");
        file
    }

    #[test]
    fn a_buffer_holds_exactly_the_bytes_asked_for() {
        for len in [0, 1, 7, 8, 9, 4096, HUGE_FROM + 5] {
            let bytes: Vec<u8> = (0..len).map(|i| i as u8).collect();
            let buffer = Buffer::read_from(file_of(&bytes).as_fd(), len).expect("read");
            assert_eq!(buffer.as_ref(), bytes);
        }
    }

    #[test]
    fn a_source_that_ends_early_is_an_error() {
        let error = Buffer::read_from(file_of(b"short").as_fd(), 6).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn a_size_beyond_the_address_space_is_an_error() {
        let error = Buffer::read_from(file_of(b"").as_fd(), usize::MAX / 2).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::OutOfMemory);
    }
}
