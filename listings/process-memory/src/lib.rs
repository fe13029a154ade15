//! What the programs of this listing share: memory and files of a known size, what the system
//! counts of them, and other processes that read them.

pub mod memory;
pub mod readers;
pub mod usage;

use clap::Args;

/// The most that is mapped at once: a quarter of the smallest machine that the book is made for.
const MOST_MIB: usize = 1024;

/// How much memory a program looks at.
#[derive(Debug, Clone, Copy, Args)]
pub struct Size {
    /// How much memory, in MiB
    #[arg(long, default_value = "64", value_parser = command_line::count::<MOST_MIB>)]
    mib: usize,
}

impl Size {
    /// The same in bytes.
    pub fn bytes(self) -> usize {
        self.mib << 20
    }
}
