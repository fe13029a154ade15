//! Memory that a forked child reads, then writes.

use std::io;

use mem_trace::{MemoryUsage, trace};

use crate::data;
use crate::worker::Worker;

// ANCHOR: fork
pub fn fork(bytes: usize) -> io::Result<()> {
    let mut data = vec![1; bytes];
    trace!("Before the fork. {}", MemoryUsage::now());

    let mut child = Worker::fork(1, |parent| {
        trace!("Forked. {}", MemoryUsage::now());
        data::read(&data);
        trace!("All read. {}", MemoryUsage::now());
        parent.swap()?;

        data::write(&mut data[..bytes / 10]);
        trace!("A tenth written. {}", MemoryUsage::now());
        parent.swap()?;

        data::write(&mut data);
        trace!("All written. {}", MemoryUsage::now());
        parent.swap()
    })?;
    for what in ["read all", "written a tenth", "written all"] {
        child.turns().take()?;
        trace!("The child has {what}. {}", MemoryUsage::now());
        child.turns().give(0)?;
    }
    child.join()?;
    trace!("The child has ended. {}", MemoryUsage::now());
    Ok(())
}
// ANCHOR_END: fork
