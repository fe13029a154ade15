//! Memory that is asked for, touched and given back.

use std::fs;

use mem_trace::{MemoryUsage, trace};

use crate::data::{self, PAGE};

/// Where the system says whether private memory comes in huge pages.
const HUGE_PAGES: &str = "/sys/kernel/mm/transparent_hugepage/enabled";

// ANCHOR: allocate
pub fn allocate(bytes: usize) {
    let huge_pages = fs::read_to_string(HUGE_PAGES).unwrap_or_default();
    trace!("Huge pages: {}", huge_pages.trim());
    trace!("At the start. {}", MemoryUsage::now());

    let mut data: Vec<u8> = Vec::with_capacity(bytes);
    trace!("Reserved, not touched. {}", MemoryUsage::now());

    let (half, rest) = data.spare_capacity_mut().split_at_mut(bytes / 2);
    for byte in half.iter_mut().step_by(PAGE) {
        byte.write(1);
    }
    trace!("One half touched. {}", MemoryUsage::now());
    for byte in rest.iter_mut().step_by(PAGE) {
        byte.write(1);
    }
    trace!("All touched. {}", MemoryUsage::now());

    drop(data);
    trace!("Freed. {}", MemoryUsage::now());

    let mut zeros = vec![0; bytes];
    trace!("Zeros. {}", MemoryUsage::now());
    data::read(&zeros);
    trace!("Zeros, all read. {}", MemoryUsage::now());
    data::write(&mut zeros);
    trace!("Zeros, all written. {}", MemoryUsage::now());
}
// ANCHOR_END: allocate
