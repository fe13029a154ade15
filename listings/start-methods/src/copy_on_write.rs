//! Row 2: how much one write after a fork copies, and what it costs.

use std::error::Error;
use std::time::Instant;

use mem_trace::MemoryUsage;
use nix::sys::resource::{UsageWho, getrusage};

use crate::block::{Block, HUGE_PAGE, Pages, page};
use crate::children::{Paused, Question, forked, spawned};
use crate::findings::{Findings, Row};

/// Bytes that are written to.
const SIZE: usize = 128 << 20;

/// One pass of writes, one to every page or to every huge page.
struct Pass {
    nanoseconds_per_write: f64,
    faults_per_write: f64,
    pages_copied_per_write: f64,
}

impl Pass {
    /// Writes to `block` once every `step` bytes.
    fn over(block: &mut Block, step: usize) -> Self {
        let writes = (SIZE / step) as f64;
        let dirty = || MemoryUsage::now().private_dirty.unwrap_or(0);
        let (dirty_before, faults_before) = (dirty(), faults());
        let start = Instant::now();
        block.write_every(step, 3, SIZE);
        let nanoseconds = start.elapsed().as_nanos() as f64;
        let faults = faults() - faults_before;
        let copied = dirty().saturating_sub(dirty_before) as f64 / page() as f64;
        Self {
            nanoseconds_per_write: nanoseconds / writes,
            faults_per_write: faults as f64 / writes,
            pages_copied_per_write: copied / writes,
        }
    }

    fn line(&self, pages: Pages, who: &str) -> String {
        format!(
            "{:<12} {who:<44} {:>8.0} ns a write, {:>5.2} faults, {:>6.2} pages copied",
            pages.name(),
            self.nanoseconds_per_write,
            self.faults_per_write,
            self.pages_copied_per_write
        )
    }
}

fn faults() -> i64 {
    getrusage(UsageWho::RUSAGE_SELF).map_or(0, |usage| usage.minor_page_faults())
}

/// What a spawned child of this program shares with it: KiB of program text and libraries.
pub const SHARED_TEXT: Question = ("shared-text", shared_text);

fn shared_text() -> String {
    let rollup = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap_or_default();
    let shared = rollup.lines().find_map(|line| {
        let kib = line.strip_prefix("Shared_Clean:")?.trim();
        kib.strip_suffix(" kB")?.trim().parse::<u64>().ok()
    });
    shared.unwrap_or(0).to_string()
}

/// First writes after a fork, in the child and in the parent.
pub fn measure() -> Result<Findings, Box<dyn Error>> {
    let mut lines = Vec::new();
    let mut copied = Vec::new();
    for (pages, step) in [(Pages::Small, page()), (Pages::Huge, HUGE_PAGE)] {
        let mut block = Block::new(SIZE, pages)?;
        let in_child = forked(|| {
            let first = Pass::over(&mut block, step);
            let again = Pass::over(&mut block, step);
            [
                first.line(pages, "in the child, first write after the fork"),
                again.line(pages, "in the child, second write"),
                format!("{:.2}", first.pages_copied_per_write),
            ]
            .join("\n")
        })?;
        let mut in_child: Vec<String> = in_child.lines().map(str::to_owned).collect();
        copied.push(in_child.pop().unwrap_or_default());
        lines.append(&mut in_child);

        let child = Paused::fork()?;
        lines.push(Pass::over(&mut block, step).line(pages, "in the parent, while a child lives"));
        drop(child);
        drop(Paused::fork()?);
        lines.push(
            Pass::over(&mut block, step).line(pages, "in the parent, after the child has ended"),
        );
    }
    let shared_kib = spawned(SHARED_TEXT)?;
    lines.push(format!(
        "A spawned child shares {} KiB of program text and libraries, read-only",
        shared_kib.trim()
    ));
    Ok(Findings {
        lines,
        row: Row {
            about: "Copy-on-write",
            measured: format!(
                "{} pages copied for each page that a forked child writes to; a spawned child still \
                 shares {} KiB of program text",
                copied[0],
                shared_kib.trim()
            ),
        },
    })
}
