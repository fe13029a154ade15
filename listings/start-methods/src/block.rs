//! Memory of a known size in pages of a known size.

use std::io;

use memmap2::{Advice, MmapMut};
use nix::unistd::{SysconfVar, sysconf};

use crate::mappings::{Mapping, mapping_of};

/// Bytes of a huge page: a table of 512 entries maps it, or one entry for all
/// (the kernel's documentation, "Transparent Hugepage Support").
pub const HUGE_PAGE: usize = 2 << 20;

/// Which pages a block is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pages {
    /// Those of the processor, 4 KiB here.
    Small,
    /// Those of [`HUGE_PAGE`], as far as the kernel gives them.
    Huge,
}

impl Pages {
    /// As a line of output has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Small => "small pages",
            Self::Huge => "huge pages",
        }
    }
}

/// Private memory of this process, every page of it written to.
pub struct Block {
    memory: MmapMut,
}

impl Block {
    /// `len` bytes, all of them there.
    pub fn new(len: usize, pages: Pages) -> io::Result<Self> {
        let memory = MmapMut::map_anon(len.max(1))?;
        // A wish that a kernel without huge pages refuses: the lines say what came of it.
        let _ = memory.advise(match pages {
            Pages::Small => Advice::NoHugePage,
            Pages::Huge => Advice::HugePage,
        });
        let mut block = Self { memory };
        block.write(1, len);
        Ok(block)
    }

    /// Writes one byte to each page of the first `len` bytes.
    pub fn write(&mut self, value: u8, len: usize) {
        self.write_every(page(), value, len);
    }

    /// Writes one byte every `step` bytes of the first `len`.
    pub fn write_every(&mut self, step: usize, value: u8, len: usize) {
        for at in (0..len).step_by(step) {
            self.memory[at] = value;
        }
    }

    /// What the system says of this memory alone.
    pub fn mapping(&self) -> Option<Mapping> {
        mapping_of(self.memory.as_ptr() as usize)
    }

    /// Reads one byte of each page.
    pub fn read(&self) -> u64 {
        let bytes = self.memory.iter().step_by(page());
        bytes.map(|&byte| u64::from(byte)).sum()
    }
}

/// Bytes of a page of the processor.
pub fn page() -> usize {
    match sysconf(SysconfVar::PAGE_SIZE) {
        Ok(Some(bytes)) => bytes as usize,
        // Every system has told it so far; a smaller step only takes longer.
        _ => 4096,
    }
}
