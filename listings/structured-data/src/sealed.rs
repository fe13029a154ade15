//! Files that lie in memory and cannot change any more.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use memmap2::Mmap;
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};

/// A file with `content` that nobody can change or shorten (memfd_create(2), fcntl(2)).
///
/// # Errors
///
/// Where the system has no room for it.
pub fn sealed(content: &[u8]) -> io::Result<OwnedFd> {
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let mut file = File::from(memfd_create(c"table", flags)?);
    file.write_all(content)?;
    let seals = SealFlag::F_SEAL_WRITE
        | SealFlag::F_SEAL_SHRINK
        | SealFlag::F_SEAL_GROW
        | SealFlag::F_SEAL_SEAL;
    fcntl(&file, FcntlArg::F_ADD_SEALS(seals))?;
    Ok(file.into())
}

/// The bytes of a file by [`sealed`], mapped.
///
/// # Errors
///
/// Where the file could still change, or cannot be mapped.
pub fn map(file: &(impl AsFd + AsRawFd)) -> io::Result<Mmap> {
    let seals = SealFlag::from_bits_retain(fcntl(file, FcntlArg::F_GET_SEALS)?);
    if !seals.contains(SealFlag::F_SEAL_WRITE | SealFlag::F_SEAL_SHRINK) {
        return Err(io::Error::other("the file is not sealed"));
    }
    // SAFETY: nobody can write to the file or cut it, this process included: the seals that
    // forbid it are there, and no seal can be taken off (fcntl(2)).
    unsafe { Mmap::map(file.as_raw_fd()) }
}
