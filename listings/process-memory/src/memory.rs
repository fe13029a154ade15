//! Memory that is touched page by page, and a file that lies in memory.

use std::fs::File;
use std::hint::black_box;
use std::io::{self, Write};

use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::unistd::{SysconfVar, sysconf};

/// Bytes of a page.
pub fn page() -> usize {
    match sysconf(SysconfVar::PAGE_SIZE) {
        Ok(Some(bytes)) => bytes as usize,
        // Every system has told it so far; a smaller step only takes longer.
        _ => 4096,
    }
}

/// Reads a byte of each page: their sum.
pub fn read(memory: &[u8]) -> usize {
    let bytes = memory.iter().step_by(page());
    bytes.map(|byte| usize::from(black_box(*byte))).sum()
}

/// Writes a byte to each page.
pub fn write(memory: &mut [u8], value: u8) {
    for byte in memory.iter_mut().step_by(page()) {
        *byte = black_box(value);
    }
}

// ANCHOR: file
/// A new file of `bytes` bytes, whole MiB, each byte a 1. It lies in memory and on no disk, and
/// is gone with its last user (memfd_create(2)).
///
/// # Errors
///
/// Where there is no room for it.
pub fn file(bytes: usize) -> io::Result<File> {
    let mut file = File::from(memfd_create(c"data", MFdFlags::MFD_CLOEXEC)?);
    let ones = vec![1; 1 << 20];
    for _ in 0..bytes / ones.len() {
        file.write_all(&ones)?;
    }
    Ok(file)
}
// ANCHOR_END: file
