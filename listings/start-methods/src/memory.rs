//! Row 1: what parent and child need together, step by step.

use std::error::Error;
use std::sync::{Mutex, MutexGuard, PoisonError};

use command_line::grouped;
use mem_trace::{MemoryUsage, available_memory};
use process_pool::{Pool, StartMethod};
use serde::{Deserialize, Serialize};

use crate::block::{Block, Pages};
use crate::findings::{Findings, Row, mib};

/// What the parent has filled before it starts a child: a forked one finds it here.
static BLOCK: Mutex<Option<Block>> = Mutex::new(None);

fn block() -> MutexGuard<'static, Option<Block>> {
    BLOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a child does with the block, in this order.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub enum Step {
    /// Nothing.
    Begin,
    /// Makes one of its own, where it has inherited none; then reads a byte of each page.
    Read(usize),
    /// Writes a byte to each of the first tenth of its pages.
    WriteTenth(usize),
    /// Writes a byte to each of its pages.
    WriteAll(usize),
}

impl Step {
    fn name(self) -> &'static str {
        match self {
            Self::Begin => "begins",
            Self::Read(_) => "has read all",
            Self::WriteTenth(_) => "has written a tenth",
            Self::WriteAll(_) => "has written all",
        }
    }
}

/// What a child tells: bytes of its proportional set size, private dirty, and page tables; and
/// what the bytes that it has read add up to.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
pub struct Usage {
    proportional: u64,
    private_dirty: u64,
    page_tables: u64,
    sum: u64,
}

impl Usage {
    fn now() -> Self {
        let usage = MemoryUsage::now();
        Self {
            proportional: usage.proportional.unwrap_or(0),
            private_dirty: usage.private_dirty.unwrap_or(0),
            page_tables: page_tables(),
            sum: 0,
        }
    }
}

/// Bytes of this process's page tables (proc(5), VmPTE).
fn page_tables() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = status.lines().find_map(|line| {
        let size = line.strip_prefix("VmPTE:")?.trim();
        size.strip_suffix(" kB")?.parse::<u64>().ok()
    });
    kib.unwrap_or(0) << 10
}

/// The task of the child: one step, and what it uses then.
pub fn step(step: Step) -> Result<Usage, String> {
    let mut block = block();
    let mut sum = 0;
    match step {
        Step::Begin => {}
        Step::Read(len) => {
            if block.is_none() {
                *block = Some(Block::new(len, Pages::Small).map_err(|error| error.to_string())?);
            }
            sum = block.as_ref().map_or(0, Block::read);
        }
        Step::WriteTenth(len) | Step::WriteAll(len) => {
            let len = match step {
                Step::WriteTenth(_) => len / 10,
                _ => len,
            };
            if let Some(block) = &mut *block {
                block.write(2, len);
            }
        }
    }
    drop(block);
    Ok(Usage {
        sum,
        ..Usage::now()
    })
}

/// Half a gibibyte in the parent, or `most_mib` or an eighth of what is free where that is less;
/// then a child by each method that uses it, and a last one whose parent does.
pub fn measure(most_mib: usize) -> Result<Findings, Box<dyn Error>> {
    let free = available_memory().unwrap_or(4 << 30) as usize;
    let size = (512.min(most_mib) << 20).min(free / 8);
    let mut lines = Vec::new();
    let mut read = Vec::new();
    let mut own_after_reading = Vec::new();
    let mut written = Vec::new();
    *block() = Some(Block::new(size, Pages::Small)?);
    for method in StartMethod::ALL {
        let pool = Pool::builder(method).workers(1).start()?;
        let steps = [
            Step::Begin,
            Step::Read(size),
            Step::WriteTenth(size),
            Step::WriteAll(size),
        ];
        for now in steps {
            let child = pool.submit(step, now)?.wait()??;
            let (line, together) = both(method, &format!("child {}", now.name()), child);
            lines.push(line);
            match now {
                Step::Begin => lines.push(format!(
                    "{:<11} child begins with {} KiB of page tables",
                    method.to_string(),
                    child.page_tables >> 10
                )),
                Step::Read(_) => {
                    // Each page has a one, and zeros.
                    lines.push(format!(
                        "{:<11} child has found {} ones",
                        method.to_string(),
                        grouped(child.sum as usize)
                    ));
                    read.push(together);
                    own_after_reading.push(child.private_dirty);
                }
                Step::WriteAll(_) => written.push(together),
                Step::WriteTenth(_) => {}
            }
        }
    }
    let pool = Pool::builder(StartMethod::Fork).workers(1).start()?;
    if let Some(block) = &mut *block() {
        block.write(3, size);
    }
    let child = pool.submit(step, Step::Begin)?.wait()??;
    lines.push(both(StartMethod::Fork, "parent has written all", child).0);
    drop(pool);
    *block() = None;
    let [fork, spawn, _] = read[..] else {
        unreachable!("one for each start method");
    };
    Ok(Findings {
        lines,
        row: Row {
            about: "Memory overhead",
            measured: format!(
                "{} in the parent, read by the child: {} for both by fork, {} by spawn; of its own a \
                 forked child has {}; written by the child: {}",
                mib(size as u64),
                mib(fork),
                mib(spawn),
                mib(own_after_reading[0]),
                mib(written[0]),
            ),
        },
    })
}

/// The line of what this process and its child use now, and what both use together.
fn both(method: StartMethod, what: &str, child: Usage) -> (String, u64) {
    let parent = Usage::now();
    let together = parent.proportional + child.proportional;
    let line = format!(
        "{:<11} {what}: parent PSS {}, private dirty {}; child PSS {}, private dirty {}; both {}",
        method.to_string(),
        mib(parent.proportional),
        mib(parent.private_dirty),
        mib(child.proportional),
        mib(child.private_dirty),
        mib(together)
    );
    (line, together)
}
