//! Row 2: how much one write after a fork copies, and what it costs.

use std::error::Error;
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::time::{ClockId, clock_gettime};

use crate::block::{Block, HUGE_PAGE, Pages, page};
use crate::children::{Paused, Question, forked, spawned};
use crate::findings::{Findings, Row};
use crate::mappings::own_mappings;

/// Bytes that are written to.
const SIZE: usize = 128 << 20;

/// One pass of writes: one byte in each so many.
struct Pass {
    seconds: f64,
    nanoseconds_per_write: f64,
    faults_per_write: f64,
    pages_copied_per_write: f64,
    huge_pages_split: u64,
}

impl Pass {
    /// Writes to `block` once every `step` bytes.
    fn over(block: &mut Block, step: usize) -> Self {
        let writes = (SIZE / step) as f64;
        let before = Held::by(block);
        let faults_before = faults();
        let start = processor_seconds();
        block.write_every(step, 3, SIZE);
        let seconds = processor_seconds() - start;
        let faults = faults() - faults_before;
        let after = Held::by(block);
        Self {
            seconds,
            nanoseconds_per_write: seconds * 1e9 / writes,
            faults_per_write: faults as f64 / writes,
            pages_copied_per_write: (after.own_pages - before.own_pages).max(0.0) / writes,
            huge_pages_split: before.huge_pages.saturating_sub(after.huge_pages),
        }
    }

    fn line(&self, pages: Pages, step: usize, when: &str) -> String {
        format!(
            "{}, each {:>4} KiB  {when:<19} {:>6.0} ns, {:.2} faults, {:.2} pages copied, {} huge pages split",
            pages.name(),
            step >> 10,
            self.nanoseconds_per_write,
            self.faults_per_write,
            self.pages_copied_per_write,
            self.huge_pages_split
        )
    }
}

/// What a process has of a block.
struct Held {
    /// Pages that it has changed and that no other process maps.
    own_pages: f64,
    /// Pages that one entry for 2 MiB maps.
    huge_pages: u64,
}

impl Held {
    // The block's own mapping, and not the whole process: elsewhere a child's start and end
    // make pages private and shared again meanwhile.
    fn by(block: &Block) -> Self {
        let kib = |size| block.mapping().map_or(0, |mapping| mapping.kib(size));
        Self {
            own_pages: (kib("Private_Dirty") << 10) as f64 / page() as f64,
            huge_pages: (kib("AnonHugePages") << 10) / HUGE_PAGE as u64,
        }
    }
}

fn seconds_of(passes: &[Pass]) -> f64 {
    passes.iter().map(|pass| pass.seconds).sum()
}

/// What this thread has used of a processor: what waits for one is not the write's cost.
fn processor_seconds() -> f64 {
    let clock = ClockId::CLOCK_THREAD_CPUTIME_ID;
    clock_gettime(clock).map_or(0.0, |time| Duration::from(time).as_secs_f64())
}

fn faults() -> i64 {
    getrusage(UsageWho::RUSAGE_SELF).map_or(0, |usage| usage.minor_page_faults())
}

/// What a spawned child of this program shares, in KiB: of the program's own file, which its
/// parent alone runs as well, and of the libraries, which most of the system's processes map.
pub const SHARED_FILES: Question = ("shared-files", shared_files);

fn shared_files() -> String {
    let program = std::fs::read_link("/proc/self/exe").unwrap_or_default();
    let (mut of_program, mut of_libraries) = (0, 0);
    for mapping in own_mappings() {
        // Dirty is a file that was written a moment ago and is not on its disk yet.
        let shared = mapping.kib("Shared_Clean") + mapping.kib("Shared_Dirty");
        if program.as_os_str() == mapping.name.as_str() {
            of_program += shared;
        } else if mapping.name.starts_with('/') {
            of_libraries += shared;
        }
    }
    format!("{of_program} {of_libraries}")
}

/// First writes after a fork, in the child and in the parent.
pub fn measure() -> Result<Findings, Box<dyn Error>> {
    // A virtual machine that has given free memory back to its host takes longer to touch it
    // again: as much as is needed is touched once before anything counts.
    drop(Block::new(2 * SIZE, Pages::Small)?);
    let mut lines = vec![format!(
        "A byte written in each so many KiB of {} MiB:",
        SIZE >> 20
    )];
    let mut seconds = 0.0;
    let mut copied = Vec::new();
    for (pages, step) in [
        (Pages::Small, page()),
        (Pages::Huge, page()),
        (Pages::Huge, HUGE_PAGE),
    ] {
        let mut block = Block::new(SIZE, pages)?;
        let in_child = forked(|| {
            let first = Pass::over(&mut block, step);
            let again = Pass::over(&mut block, step);
            [
                first.line(pages, step, "child, first write"),
                again.line(pages, step, "child, second write"),
                format!("{:.2}", first.pages_copied_per_write),
                seconds_of(&[first, again]).to_string(),
            ]
            .join("\n")
        })?;
        let mut in_child: Vec<String> = in_child.lines().map(str::to_owned).collect();
        seconds += in_child.pop().unwrap_or_default().parse::<f64>()?;
        copied.push(in_child.pop().unwrap_or_default());
        lines.append(&mut in_child);

        let child = Paused::fork()?;
        let beside = Pass::over(&mut block, step);
        lines.push(beside.line(pages, step, "parent, child alive"));
        drop(child);
        drop(Paused::fork()?);
        let alone = Pass::over(&mut block, step);
        lines.push(alone.line(pages, step, "parent, child gone"));
        seconds += seconds_of(&[beside, alone]);
    }
    lines.push(format!("All passes together: {seconds:.3} s"));
    let shared = spawned(SHARED_FILES)?;
    let (of_program, of_libraries) = shared.trim().split_once(' ').unwrap_or(("0", "0"));
    lines.push(format!(
        "A spawned child shares {of_program} KiB of this program's file with its parent, and \
         {of_libraries} KiB of libraries"
    ));
    Ok(Findings {
        lines,
        row: Row {
            about: "Copy-on-write",
            measured: format!(
                "{} pages copied for each page that a forked child writes to; a spawned child still \
                 shares {of_program} KiB of the program's file",
                copied[0],
            ),
        },
    })
}
