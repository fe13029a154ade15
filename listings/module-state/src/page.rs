//! Whether a page of memory is this process's alone.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use nix::unistd::{SysconfVar, sysconf};

/// A value on a page where nothing else is: what is written there is written to it.
#[repr(align(4096))]
pub struct OwnPage<T>(pub T);

// ANCHOR: page
/// Whether the page at `address` is mapped by this process alone, as the kernel tells
/// in /proc/self/pagemap: 8 bytes for each page, of which bit 56 says so (proc_pid_pagemap(5)).
pub fn is_own<T>(address: &T) -> io::Result<bool> {
    let page = sysconf(SysconfVar::PAGE_SIZE)?.unwrap_or(4096) as u64;
    let number = std::ptr::from_ref(address).addr() as u64 / page;
    let mut entry = [0; 8];
    File::open("/proc/self/pagemap")?.read_exact_at(&mut entry, number * 8)?;
    Ok(u64::from_ne_bytes(entry) >> 56 & 1 == 1)
}
// ANCHOR_END: page
