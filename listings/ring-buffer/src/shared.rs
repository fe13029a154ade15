//! A value in memory that several processes map.

use std::fs::File;
use std::io;
use std::marker::PhantomData;
use std::ops::Deref;

use memmap2::{MmapOptions, MmapRaw};
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};

/// What may lie in memory that several processes write to.
///
/// # Safety
///
/// All of it is behind atomics or `UnsafeCell`, so that a `&` to it says nothing about what other
/// processes do; it is valid whatever its bytes are; and nothing in it is an address, or has
/// another meaning in another process.
pub unsafe trait Shareable {}

/// A `T` in a memfd. Each process maps it for itself, at an address of its own.
pub struct Shared<T> {
    map: MmapRaw,
    holds: PhantomData<T>,
}

impl<T: Shareable> Shared<T> {
    /// New memory for a `T`, all bytes zero. Nobody can cut it while it is mapped.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn memory() -> io::Result<File> {
        let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
        let memory = File::from(memfd_create(c"shared", flags)?);
        memory.set_len(size_of::<T>() as u64)?;
        let seals = SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SEAL;
        fcntl(&memory, FcntlArg::F_ADD_SEALS(seals))?;
        Ok(memory)
    }

    /// Maps it into this process.
    ///
    /// # Errors
    ///
    /// Where the memory is not that of a `T`, or could be cut, and the system's.
    pub fn map(memory: &File) -> io::Result<Self> {
        let seals = SealFlag::from_bits_retain(fcntl(memory, FcntlArg::F_GET_SEALS)?);
        if !seals.contains(SealFlag::F_SEAL_SHRINK) {
            let what = "shared memory that could be cut";
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        let [is, expected] = [memory.metadata()?.len(), size_of::<T>() as u64];
        if is != expected {
            let what = format!("shared memory of {is} bytes, where {expected} were expected");
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        let map = MmapOptions::new().len(size_of::<T>()).map_raw(memory)?;
        let holds = PhantomData;
        Ok(Self { map, holds })
    }
}

impl<T: Shareable> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the mapping begins at a page, has the size of a `T`, and stays for as long as
        // `self`; nobody can cut the memory (`map` has seen the seal). Any bytes are a valid `T`,
        // and what other processes write to it is behind atomics or `UnsafeCell` (`Shareable`).
        unsafe { &*self.map.as_ptr().cast() }
    }
}
